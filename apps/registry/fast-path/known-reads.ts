import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import { isBroken } from '../http/client-error.js';
import type { FlatHeaders } from './answers.js';
import { readEarly } from './early-reads.js';

/** What Node has read of a request without a body. */
export type Read = Pick<IncomingMessage, 'method' | 'url' | 'headers'>;

/** An answer that is in memory as a whole; the body is latin1 or bytes, and missing from HEAD and 304. */
export interface Reply {
  readonly status: 200 | 206 | 304;
  readonly headers: FlatHeaders;
  readonly body?: Buffer | string | undefined;
}

/** Longest request that is remembered, and how many bytes of them. */
const LONGEST = 8192;
const MEMORY = 4 * 1024 * 1024;
/** About what a remembered request costs besides its text. */
const ENTRY_BYTES = 1024;
const BLANK_LINE = 0x0d0a0d0a;
/** Reads before a connection is watched: bodies cost a third more on it, so that those who push had better not be. */
const READS_BEFORE = 8;
/** Answers up to this size leave in one piece; so many pieces are kept. */
const LARGEST_PIECE = 64 * 1024;
const MOST_PIECES = 32;

/** A whole answer as it is sent within one second; made when it is wanted again in that second. */
interface Piece {
  readonly date: string;
  bytes?: Buffer;
}

/** A connection that is watched: what it sends next is looked at before Node's parser sees it. */
interface Line {
  /** Node's own listener, which feeds the parser. */
  readonly deliver: (bytes: Buffer) => void;
  /** Known requests are answered before Node has made a buffer of them. */
  early: boolean;
  /** True when the parser is known to stand between two requests. */
  atStart: boolean;
  /** What Node has read of the bytes that were delivered last. */
  requests: number;
  request?: IncomingMessage;
  response?: ServerResponse;
  /** The request, when it was answered at once from memory. */
  read: Read | undefined;
}

/**
 * Clients that pull repeat themselves byte by byte. A request whose very bytes Node's parser has read before, alone and as a
 * whole, is answered on the socket without being parsed again, at half the price; what it may see is decided anew each
 * time. Nothing is parsed here: bytes that are not known go to Node's parser, which alone says what they mean, and are
 * known when it has found one whole request without a body in them, having stood between two requests before.
 */
export class KnownReads {
  private readonly reads = new LRUCache<string, Read>({
    maxSize: MEMORY,
    sizeCalculation: (_read, text) => ENTRY_BYTES + 2 * text.length,
  });
  private readonly readers = new WeakMap<Socket, number>();
  private readonly lines = new WeakMap<Socket, Line>();
  private readonly heads = new WeakMap<FlatHeaders, string>();
  private readonly pieces = new LRUCache<FlatHeaders, Piece>({ max: MOST_PIECES });
  private readonly ending: string;

  /** `recall` says how a read is answered from memory now; `keepAlive` are the seconds that an idle connection stays. */
  constructor(
    private readonly recall: (read: Read) => Reply | undefined,
    keepAlive: number,
  ) {
    this.ending = `\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${keepAlive}\r\n\r\n`;
  }

  /** Takes notice of every request that Node has read. */
  note(request: IncomingMessage, response: ServerResponse): void {
    const line = this.lines.get(request.socket);
    if (!line) return;
    line.requests += 1;
    line.request = request;
    line.response = response;
  }

  /** Takes notice of a request that was answered at once from memory: after some of them the connection is watched. */
  noteAnswered(request: IncomingMessage): void {
    if (!staysOpen(request)) return;
    const { socket, method, url, headers } = request;
    const line = this.lines.get(socket);
    if (line) {
      line.read = { method, url, headers };
      return;
    }
    const reads = (this.readers.get(socket) ?? 0) + 1;
    this.readers.set(socket, reads);
    // Not before the parser has returned, which is at work now.
    if (reads >= READS_BEFORE) process.nextTick(() => this.watch(socket));
  }

  private watch(socket: Socket): void {
    const listeners = socket.listeners('data') as Line['deliver'][];
    // What is paused would never flow again: Node's parser has taken the reading over and gives it back as it finds it.
    if (socket.destroyed || socket.isPaused() || listeners.length !== 1 || this.lines.has(socket)) return;
    const line: Line = { deliver: listeners[0]!, early: false, atStart: false, requests: 0, read: undefined };
    this.lines.set(socket, line);
    const take = (bytes: Buffer): void => {
      if (looksWhole(bytes)) return this.take(socket, line, bytes);
      // A body, or pieces: no more of this connection is looked at until it reads again.
      this.lines.delete(socket);
      line.atStart = false;
      this.readers.delete(socket);
      socket.on('data', line.deliver);
      socket.off('data', take);
      line.deliver.call(socket, bytes);
    };
    socket.on('data', take);
    socket.off('data', line.deliver);
    line.early = readEarly(
      socket,
      (bytes, length) => length <= LONGEST && this.answer(socket, line, bytes.toString('latin1', 0, length)),
    );
  }

  private take(socket: Socket, line: Line, bytes: Buffer): void {
    const text = bytes.toString('latin1');
    if (!line.early && this.answer(socket, line, text)) return;
    const { atStart } = line;
    line.requests = 0;
    line.read = undefined;
    line.deliver.call(socket, bytes);
    line.atStart = line.requests === 1 && isWhole(line.request!) && staysOpen(line.request!);
    // Bytes behind a request that break the connection are none of it.
    if (!socket.writable || isBroken(socket)) line.atStart = false;
    if (atStart && line.atStart && line.read) this.reads.set(text, line.read);
  }

  /** Answers a known request; false for everything else. */
  private answer(socket: Socket, line: Line, text: string): boolean {
    // Whoever asks on before he has read what he was sent waits in Node's queue, which slows him down.
    if (!line.atStart || socket.writableLength !== 0 || !line.response!.writableFinished) return false;
    const read = this.reads.get(text);
    const reply = read && this.recall(read);
    if (!reply) return false;
    this.send(socket, reply);
    return true;
  }

  /** Writes what Node would have written. */
  private send(socket: Socket, { status, headers, body }: Reply): void {
    const date = dateNow();
    if (!Buffer.isBuffer(body)) {
      const head = this.headOf(status, headers, date);
      socket.write(body === undefined ? head : head + body, 'latin1');
      return;
    }
    const piece = status === 200 && body.length <= LARGEST_PIECE ? this.pieceOf(headers, body, date) : undefined;
    if (piece) return void socket.write(piece);
    socket.cork();
    socket.write(this.headOf(status, headers, date), 'latin1');
    socket.write(body);
    socket.uncork();
  }

  /** Head and body in one, which leave at two thirds of the price. */
  private pieceOf(headers: FlatHeaders, body: Buffer, date: string): Buffer | undefined {
    const known = this.pieces.get(headers);
    if (known?.date === date)
      return (known.bytes ??= Buffer.concat([Buffer.from(this.headOf(200, headers, date), 'latin1'), body]));
    this.pieces.set(headers, { date });
    return undefined;
  }

  private headOf(status: Reply['status'], headers: FlatHeaders, date: string): string {
    let head = this.heads.get(headers);
    if (head === undefined) {
      head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
      for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
      this.heads.set(headers, head);
    }
    return `${head}Date: ${date}${this.ending}`;
  }
}

function looksWhole(bytes: Buffer): boolean {
  const { length } = bytes;
  return length >= 16 && length <= LONGEST && bytes.readUInt32BE(length - 4) === BLANK_LINE;
}

/** True for a request that is there as a whole and has no body: what follows it is the next one. */
function isWhole({ complete, headers }: IncomingMessage): boolean {
  return complete && headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

/** True when nothing in the request asks for more than its answer, on a connection that stays as it is. */
function staysOpen({ httpVersionMinor, headers }: IncomingMessage): boolean {
  const { connection, expect, upgrade } = headers;
  if (httpVersionMinor !== 1 || expect !== undefined || upgrade !== undefined) return false;
  return connection === undefined || connection.toLowerCase() === 'keep-alive';
}

let second = 0;
let date = '';

/** The value of `Date`, made once in a second. */
function dateNow(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    date = new Date(now * 1000).toUTCString();
  }
  return date;
}
