import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Server } from 'node:http';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { drainBody } from '../drain-body.js';
import { cutStalledReaders } from '../stalled-readers.js';
import { FastPath } from './fast-path/fast-path.js';
import { createRegistryServer, handleFirst } from './fast-path/registry-server.js';
import { allowedMethods } from './http/allowed-methods.js';
import { answerClientError, refuseTunnel } from './http/client-error.js';
import { handleCheckContinue } from './http/expect-continue.js';
import { noSuchEndpoint, refuseLongUrl, refuseMethod, sendOciError } from './http/oci-error.js';
import { keepBodyRaw, RAW_BODY } from './http/request-body.js';
import { registryPathOf } from './http/registry-path.js';
import { setRegistryHeaders } from './http/registry-headers.js';
import { rewriteRegistryUrl } from './http/rewrite-url.js';

/** Longest URL with its query; mounts and lists of many tags stay far below. */
const LONGEST_URL = 16_384;

/** Options for the `FastifyAdapter` of every app that serves the registry. */
export const registryServerOptions = {
  serverFactory: createRegistryServer,
  rewriteUrl: rewriteRegistryUrl,
  routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096 },
  keepAliveTimeout: 75_000,
  requestTimeout: 0,
  bodyLimit: 4 * 1024 * 1024,
  clientErrorHandler: answerClientError,
  http: { headersTimeout: 20_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 32_768, requireHostHeader: false },
  return503OnClosing: false,
} as const;

/**
 * Makes an app that was created with {@link registryServerOptions} serve the registry. Other routes of the same server
 * keep their parsers and error bodies. Call it before the app listens.
 */
export function configureRegistry(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  // Bodies stay untouched on the socket: whoever needs one reads it, after the request was let in.
  fastify.addContentTypeParser(RAW_BODY, (_request, _payload, done) => done(null));
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    const path = registryPathOf(request.originalUrl);
    if (!path) return done();
    setRegistryHeaders(reply.raw);
    if (request.originalUrl.length > LONGEST_URL) return refuseLongUrl(reply, LONGEST_URL);
    if (path.kind === 'unknown') return sendOciError(reply, noSuchEndpoint());
    const allowed = allowedMethods(path);
    if (!allowed.includes(request.method)) return refuseMethod(reply, allowed);
    keepBodyRaw(request);
    done();
  });
  // A body that nobody asked for must not keep the connection once there is an answer.
  fastify.addHook('onResponse', (request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
    drainBody(request);
    done();
  });
  const config = app.get<HallmarkConfig>(CONFIG);
  fastify.server.headersTimeout = config.headerTimeout * 1000;
  handleCheckContinue(fastify.server, (url) => registryPathOf(url) !== undefined);
  fastify.server.on('connect', refuseTunnel);
  answerHalfClosed(fastify.server);
  cutStalledReaders(fastify.server, config.idleTimeout * 1000);
  if (config.fastPath) handleFirst(fastify.server, app.get(FastPath));
}

/**
 * A client that has sent all that it wants to and says so (FIN) still gets its answers; Node would drop those that are not
 * ready yet. Connections on which nothing is under way are closed as before.
 */
function answerHalfClosed(server: Server): void {
  // Not in the types of Node, though a property of its servers since the first.
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
}
