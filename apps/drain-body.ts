import type { FastifyRequest } from 'fastify';

const DRAIN_MS = 10_000;

/**
 * Takes what is left of a refused body from the connection, so that the client reads the answer and can use the connection
 * again. Who goes on sending for long is cut off.
 */
export function drainBody({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return;
  const timer = setTimeout(() => raw.socket.destroy(), DRAIN_MS);
  raw.once('close', () => clearTimeout(timer));
  raw.once('end', () => clearTimeout(timer));
  raw.resume();
}
