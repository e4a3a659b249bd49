import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';

/** Clients compare the type with the document's, so it carries no charset. */
const JSON_TYPE = 'application/json';

/** Sends a value as JSON with exactly this type; nothing becomes an empty answer. */
export function sendableJson(reply: FastifyReply, value: unknown): unknown {
  if (value === undefined) return undefined;
  void reply.header('content-type', JSON_TYPE);
  return Buffer.from(JSON.stringify(value));
}

/** Turns what handlers return into JSON bytes; bytes and streams pass as they are. */
@Injectable()
export class JsonAnswers implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const reply = execution.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(map((value: unknown) => (isRaw(value) ? value : sendableJson(reply, value))));
  }
}

const isRaw = (value: unknown): boolean =>
  Buffer.isBuffer(value) || typeof (value as { pipe?: unknown } | undefined)?.pipe === 'function';
