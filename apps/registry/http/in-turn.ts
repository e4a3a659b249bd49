import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** What Node's HTTP server keeps on a socket: while it is `_paused` nobody goes on reading because a body is wanted. */
type ServedSocket = Socket & { _paused?: boolean; readonly parser?: { resume(): void } | null };

/** So many requests may wait on a connection before nothing more is read from it, and so few when it is read again. */
const MOST_WAITING = 64;
const FEW_WAITING = 16;

/**
 * Handles the requests of a connection one after the other. Node hands out all that have come at once: a write would race
 * with the read behind it, what follows a request to close would be done, and one client that asks on without reading would
 * have the database and the memory to itself (RFC 9112, sections 9.3.2 and 9.6).
 */
export function inTurn(handle: RequestHandler): RequestHandler {
  const lines = new WeakMap<ServedSocket, Line>();

  const take = (request: IncomingMessage, response: ServerResponse): void => {
    lines.get(request.socket)!.left();
    handle(request, response);
  };

  return (request, response) => {
    // An answer has the connection when it is its turn; not before Node has made it over to it.
    if (response.socket !== null) return handle(request, response);
    let line = lines.get(request.socket);
    if (!line) lines.set(request.socket, (line = new Line(request.socket)));
    line.joined();
    response.once('socket', () => process.nextTick(take, request, response));
  };
}

/** The requests that wait on a connection, which is not read from while there are many. */
class Line {
  #waiting = 0;
  #held = false;

  constructor(private readonly socket: ServedSocket) {}

  joined(): void {
    this.#waiting += 1;
    if (this.#held || this.#waiting < MOST_WAITING) return;
    this.#held = true;
    this.socket.on('resume', this.#hold);
    this.#hold();
  }

  left(): void {
    this.#waiting -= 1;
    if (!this.#held || this.#waiting > FEW_WAITING) return;
    this.#held = false;
    const { socket } = this;
    socket.off('resume', this.#hold);
    socket._paused = false;
    socket.parser?.resume();
    socket.resume();
  }

  /** Node stops its parser too, as for a client that does not read; it goes on with each answer that leaves. */
  readonly #hold = (): void => {
    this.socket._paused = true;
    this.socket.pause();
  };
}
