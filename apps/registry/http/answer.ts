import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { type Headers, setHeaders } from './registry-headers.js';

/** Sends headers and nothing else. */
export function sendEmpty(reply: FastifyReply, status: number, headers: Headers = {}): void {
  setHeaders(reply.raw, headers);
  if (status !== 204 && status !== 304 && !('Content-Length' in headers)) reply.raw.setHeader('Content-Length', '0');
  void reply.code(status).send();
}

/** Sends bytes with exactly this type; a HEAD gets the same headers. */
export function sendBytes(
  reply: FastifyReply,
  status: number,
  contentType: string,
  bytes: Buffer,
  headers: Headers = {},
): void {
  setHeaders(reply.raw, { ...headers, 'Content-Type': contentType, 'Content-Length': bytes.length });
  endWith(reply, status, bytes);
}

/** Sends a value as JSON without any parameter behind the type. */
export function sendJson(
  reply: FastifyReply,
  status: number,
  value: unknown,
  headers: Headers = {},
  contentType = 'application/json',
): void {
  sendBytes(reply, status, contentType, Buffer.from(JSON.stringify(value)), headers);
}

/** Sends a stream whose length is among the headers. */
export function sendStream(reply: FastifyReply, status: number, bytes: Readable, headers: Headers): void {
  setHeaders(reply.raw, headers);
  reply.header('content-type', String(headers['Content-Type'] ?? 'application/octet-stream'));
  void reply.code(status).send(bytes);
}

/** Ends the answer here: the framework would add parameters to types and spell header names its own way. */
function endWith(reply: FastifyReply, status: number, bytes: Buffer): void {
  reply.hijack();
  reply.raw.statusCode = status;
  reply.raw.end(reply.request.method === 'HEAD' ? undefined : bytes);
}
