import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from './metrics.js';

/** Upper bounds in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];

interface Child {
  observe(seconds: number): void;
}

/** Measures every request that a route of the server answers, by route pattern, method and class of status. */
export function observeRequests(server: FastifyInstance, metrics: Metrics): void {
  const definition = {
    name: 'hallmark_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labels: ['method', 'route', 'status'],
  };
  const histogram = metrics.histogram(definition, BUCKETS);
  const children = new Map<string, Child>();
  let open = 0;
  metrics.gauge({ name: 'hallmark_http_requests_open', help: 'Requests that are being answered.' }, () => [
    { value: open },
  ]);
  server.addHook('onRequest', (_request, reply, done) => {
    open += 1;
    // `close` comes for answered and for broken requests alike.
    reply.raw.once('close', () => {
      open -= 1;
    });
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const labels = labelsOf(request, reply);
    const key = `${labels.method} ${labels.status} ${labels.route}`;
    let child = children.get(key);
    if (!child) children.set(key, (child = histogram.labels(labels)));
    child.observe(reply.elapsedTime / 1000);
    done();
  });
}

function labelsOf(request: FastifyRequest, reply: FastifyReply) {
  const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
  return { method: request.method, route, status: `${Math.floor(reply.statusCode / 100)}xx` };
}
