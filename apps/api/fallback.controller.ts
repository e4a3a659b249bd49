import { All, Inject, MethodNotAllowedException } from '@nestjs/common';
import { notFound } from '#platform/domain-error.js';
import { DOCUMENTED } from './docs/docs.controller.js';
import { Context, type RestContext } from './rest/context.js';
import { API_ROOT } from './rest/models.js';
import { routesOf } from './rest/openapi/routes.js';
import { Open } from './rest/operation.js';
import { RestController } from './rest/rest-controller.js';

/** A path as it is routed, and a method that it takes. */
interface Routed {
  readonly pattern: RegExp;
  readonly method: string;
}

/** Answers what no other route of the REST API takes. */
@RestController({ path: '', tag: 'Fallback', operations: 'fallback' })
export class FallbackController {
  private routed: readonly Routed[] | undefined;

  constructor(@Inject(DOCUMENTED) private readonly controllers: () => readonly Function[]) {}

  @All('*')
  @Open()
  refuse(@Context() context: RestContext): never {
    const { method } = context.request;
    const allowed = this.methodsAt(context.url.split('?', 1)[0]!.slice(API_ROOT.length).replace(/\/$/, ''));
    if (allowed.length === 0) throw notFound('Not found.');
    void context.reply.header('allow', allowed.join(', '));
    throw new MethodNotAllowedException(`Method "${method}" not allowed.`);
  }

  private methodsAt(path: string): string[] {
    this.routed ??= routesOf(this.controllers()).map(({ place, operation }) => ({
      pattern: patternOf([place.path, operation.route].filter(Boolean).join('/')),
      method: operation.method.toUpperCase(),
    }));
    const methods = this.routed.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(methods)].toSorted();
  }
}

const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .split('/')
      .map((piece) => (piece.startsWith(':') ? '[^/]+' : piece.replaceAll(/[.*+?^$()[\]{}|\\]/g, '\\$&')))
      .join('/')}$`,
  );
