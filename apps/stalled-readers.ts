import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Cuts the connection of an answer when its client takes no byte of it for so many milliseconds. */
export function cutWhenStalled(response: ServerResponse, ms: number): void {
  response.setTimeout(ms, () => response.destroy());
  // Before Node gives the connection its time to idle; the next request may take longer than that to be answered.
  response.prependOnceListener('finish', () => response.setTimeout(0));
}

/**
 * {@link cutWhenStalled} for every answer of a server that is ready as a whole, but that the system has not taken as a
 * whole: the answer and its connection would wait for ever for a client that has stopped reading.
 */
export function cutStalledReaders(server: Server, ms: number): void {
  function watch(this: ServerResponse): void {
    if (this.socket !== null && this.socket.writableLength > 0) cutWhenStalled(this, ms);
  }
  server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    if (response.writableEnded) watch.call(response);
    else response.once('prefinish', watch);
  });
}
