import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { drainBody } from '../drain-body.js';
import { FastPath } from './fast-path/fast-path.js';
import { createRegistryServer, handleFirst } from './fast-path/registry-server.js';
import { answerClientError } from './http/client-error.js';
import { handleCheckContinue } from './http/expect-continue.js';
import { noSuchEndpoint, refuseLongUrl, sendOciError } from './http/oci-error.js';
import { keepBodyRaw, RAW_BODY } from './http/request-body.js';
import { parseRegistryPath } from './http/registry-path.js';
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
    if (!isRegistryUrl(request.originalUrl)) return done();
    setRegistryHeaders(reply.raw);
    if (request.originalUrl.length > LONGEST_URL) return refuseLongUrl(reply, LONGEST_URL);
    if (request.is404) return sendOciError(reply, noSuchEndpoint(isKnownPath(request.originalUrl)));
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
  handleCheckContinue(fastify.server, (url) => isRegistryUrl(url));
  if (config.fastPath) handleFirst(fastify.server, app.get(FastPath));
}

function pathOf(url: string): string {
  const question = url.indexOf('?');
  return question < 0 ? url : url.slice(0, question);
}

function isRegistryUrl(url: string): boolean {
  return parseRegistryPath(pathOf(url)) !== undefined;
}

function isKnownPath(url: string): boolean {
  return parseRegistryPath(pathOf(url))?.kind !== 'unknown';
}
