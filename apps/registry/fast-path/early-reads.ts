import type { Socket } from 'node:net';

/** Where all connections are read to: what is in it has been used when the next one is read. */
const PLACE = Buffer.alloc(64 * 1024);

/** Looks at the first `length` bytes; true when they need nobody else. */
export type Taker = (bytes: Buffer, length: number) => boolean;

/** What Node's sockets stand on: the part of it that `net.connect` uses for its option `onread`. */
interface Handle {
  readonly bytesRead: number;
  onread: (this: Handle, bytes?: ArrayBuffer) => unknown;
  useUserBuffer(place: Buffer): void;
}

const takers = new WeakMap<Socket, Taker>();

/**
 * Shows `take` what a connection brings before Node makes a buffer and events of it, which is a seventh of the price of a
 * known request; what it does not take goes its usual way. Node lets those who connect read so, and has no option for those
 * who accept: false, and nothing happens, where the handle is another one.
 */
export function readEarly(socket: Socket, take: Taker): boolean {
  const handle = (socket as unknown as { _handle?: Partial<Handle> })._handle;
  if (!isHandle(handle)) return false;
  const first = !takers.has(socket);
  takers.set(socket, take);
  if (!first) return true;
  const usual = handle.onread;
  let before = handle.bytesRead;
  handle.useUserBuffer(PLACE);
  handle.onread = (bytes) => {
    const length = handle.bytesRead - before;
    before += length;
    // The end of the connection, or a broken one.
    if (length === 0) return usual.call(handle, bytes);
    if (isReading(socket) && takers.get(socket)!(PLACE, length)) return undefined;
    return usual.call(handle, PLACE.buffer.slice(0, length));
  };
  return true;
}

const isHandle = (handle: Partial<Handle> | undefined): handle is Handle =>
  typeof handle?.useUserBuffer === 'function' && typeof handle.onread === 'function' && handle.bytesRead !== undefined;

/** False while what came before waits to be read. */
const isReading = (socket: Socket) => socket.readableFlowing === true && socket.readableLength === 0;
