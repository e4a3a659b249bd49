import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { refuseMalformed } from '../http/client-error.js';
import { inTurn } from '../http/in-turn.js';
import { KnownReads, type Read, type Reply } from './known-reads.js';

/** What looks at requests before the framework; true when it takes care of the answer. */
export interface FirstHandler {
  handle(request: IncomingMessage, response: ServerResponse, next: RequestHandler): boolean;
  /** How a read is answered from memory now, if that is possible. */
  recall(read: Read): Reply | undefined;
}

/** The framework's own handler. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

interface ServerSettings {
  readonly http?: ServerOptions;
  readonly keepAliveTimeout?: number;
  readonly requestTimeout?: number;
  readonly connectionTimeout?: number;
}

const firsts = new WeakMap<Server, (handler: FirstHandler) => void>();

/** Fastify's `serverFactory`: the server that it would make itself, with room for a handler in front. */
export function createRegistryServer(next: RequestHandler, settings: ServerSettings): Server {
  let first: FirstHandler | undefined;
  let known: KnownReads | undefined;
  const handle = inTurn((request, response) => {
    if (refuseMalformed(request, response)) return;
    if (first === undefined || !first.handle(request, response, next)) next(request, response);
    else if (response.writableEnded) known?.noteAnswered(request);
  });
  const server = createServer(settings.http ?? {}, (request, response) => {
    known?.note(request, response);
    handle(request, response);
  });
  if (settings.keepAliveTimeout !== undefined) server.keepAliveTimeout = settings.keepAliveTimeout;
  if (settings.requestTimeout !== undefined) server.requestTimeout = settings.requestTimeout;
  server.setTimeout(settings.connectionTimeout ?? 0);
  firsts.set(server, (handler) => {
    first = handler;
    known = new KnownReads((read) => handler.recall(read), Math.floor(server.keepAliveTimeout / 1000));
  });
  return server;
}

/** Puts a handler in front of the framework. */
export function handleFirst(server: Server, handler: FirstHandler): void {
  firsts.get(server)?.(handler);
}
