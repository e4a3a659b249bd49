import type { FastifyInstance } from 'fastify';
import { newCorrelationId } from '#platform/identifiers.js';
import { withCorrelation } from '#platform/logger.js';
import { drainBody } from '../drain-body.js';
import { API_ROOT } from './rest/models.js';

const USABLE = /^[\w.-]{1,64}$/;

/** Gives each request to the REST API its correlation id: the client's own, or a new one. Other paths are left alone. */
export function installApiHooks(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!request.url.startsWith(API_ROOT)) return done();
    const given = request.headers['correlation-id'];
    const id = typeof given === 'string' && USABLE.test(given) ? given : newCorrelationId();
    void reply.header('correlation-id', id).header('access-control-expose-headers', 'Correlation-ID');
    withCorrelation(id, done);
  });
}

/** Router options that the REST API needs: trailing slashes are optional, and names may be long. */
export const API_ROUTER = { ignoreTrailingSlash: true, maxParamLength: 512 } as const;

/** Leaves bodies as streams: handlers read them with limits of their own. */
export function streamBodies(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
}

/** A body that nobody asked for, as that of somebody who is not let in, must not keep the connection once there is an answer. */
export function drainLeftovers(fastify: FastifyInstance): void {
  fastify.addHook('onResponse', (request, _reply, done) => {
    drainBody(request);
    done();
  });
}
