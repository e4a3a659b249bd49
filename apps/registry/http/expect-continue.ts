import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/**
 * Lets requests with `Expect: 100-continue` in without the go-ahead; it is given when somebody reads the body, so that a
 * refusal comes before the bytes. Requests of others are told to go on at once.
 */
export function handleCheckContinue(server: Server, isOurs: (url: string) => boolean): void {
  // What else a client expects it need not get (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (!isOurs(request.url ?? '/')) {
      response.writeContinue();
      server.emit('request', request, response);
      return;
    }
    waiting.set(request, response);
    response.once('finish', () => {
      // The client may send the body all the same or not at all: the connection cannot be used again.
      if (waiting.delete(request)) request.socket.end();
    });
    server.emit('request', request, response);
  });
}

/** Gives the go-ahead when the client waits for it. */
export function continueBody(request: IncomingMessage): void {
  const response = waiting.get(request);
  if (!response) return;
  waiting.delete(request);
  response.writeContinue();
}
