import type { FastifyReply } from 'fastify';
import type { HallmarkConfig } from '#platform/config.js';

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * What absolute URLs of an answer begin with: the public origin. For a server on loopback it is the loopback address that
 * the client called it by: newer clients take neither tokens nor uploads to another address than that.
 */
export function clientOrigin(config: Pick<HallmarkConfig, 'publicUrl'>, { request }: FastifyReply): string {
  const { host } = request.raw.headers;
  if (host === undefined || !LOOPBACK.test(host)) return config.publicUrl;
  const own = new URL(config.publicUrl);
  if (!LOOPBACK.test(own.host)) return config.publicUrl;
  return config.publicUrl.replace(`//${own.host}`, `//${host}`);
}
