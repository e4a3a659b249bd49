import type { IncomingMessage, ServerResponse } from 'node:http';

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Handles the requests of a connection one after the other. Node hands out all that have come at once: a write would race
 * with the read behind it, what follows a request to close would be done, and one client that asks on without reading would
 * have the database to itself (RFC 9112, sections 9.3.2 and 9.6).
 */
export function inTurn(handle: RequestHandler): RequestHandler {
  return (request, response) => {
    // An answer has the connection when it is its turn; not before Node has made it over to it.
    if (response.socket !== null) handle(request, response);
    else response.once('socket', () => process.nextTick(handle, request, response));
  };
}
