import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { COMMON_HEADERS } from './registry-headers.js';

const BY_CODE: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The URL or the headers of the request are too long.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The headers of the request came too slowly.' },
};
const MALFORMED = { status: 400, message: 'The request is not valid HTTP.' };
const UNKNOWN_METHOD = { status: 405, message: 'There is no such method here.' };
/** What some endpoint takes. */
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
/** The line of a request that is as it should be, but for a method that Node does not know. */
const REQUEST_LINE = /^[\w!#$%&'*+.^`|~-]{1,32} \/\S* HTTP\/1\.[01]\r\n/;

type ConnectionError = NodeJS.ErrnoException & { readonly rawPacket?: unknown; readonly bytesParsed?: number };

const broken = new WeakSet<Socket>();

/** True once something came over a connection that is no HTTP: nothing more of it is read. */
export const isBroken = (socket: Socket): boolean => broken.has(socket);

/**
 * Answers what is no request at all in the OCI form, once, and closes the connection. Requests that were whole before it get
 * their answers first, since clients go by the order.
 */
export function answerClientError(error: ConnectionError, socket: Socket): void {
  if (!error.code?.startsWith('HPE_')) return answerOrCut(error, socket);
  if (broken.has(socket)) return;
  broken.add(socket);
  answerInTurn(error, socket);
}

function answerInTurn(error: ConnectionError, socket: Socket): void {
  const due = dueOn(socket);
  if (due?.req.complete && socket.writable) due.once('finish', () => answerInTurn(error, socket));
  else answerOrCut(error, socket);
}

function answerOrCut(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswered(socket)) return void socket.destroy();
  const strange = error.code === 'HPE_INVALID_METHOD' && REQUEST_LINE.test(brokenLine(error));
  refuse(socket, strange ? UNKNOWN_METHOD : (BY_CODE[error.code ?? ''] ?? MALFORMED));
}

/** What came, from the line on in which the parser gave up. */
function brokenLine({ rawPacket, bytesParsed = 0 }: ConnectionError): string {
  if (!Buffer.isBuffer(rawPacket)) return '';
  return rawPacket.toString('latin1', rawPacket.lastIndexOf('\n', bytesParsed) + 1);
}

/** The answer that a connection waits for. */
const dueOn = (socket: Socket) => (socket as { _httpMessage?: ServerResponse | null })._httpMessage;

/**
 * True when the answer to the request that broke has begun, or was sent before its body was there: another one would be
 * taken for the answer to the next request.
 */
function isAnswered(socket: Socket): boolean {
  const due = dueOn(socket);
  if (due) return due.headersSent;
  const { parser } = socket as { parser?: { incoming?: IncomingMessage | null } | null };
  return parser?.incoming?.complete === false;
}

/** Answers `CONNECT`, which wants a tunnel to somewhere: there is none. Node has let go of the connection and its parser. */
export function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  socket.removeAllListeners('data');
  socket.on('error', () => socket.destroy());
  refuse(socket, UNKNOWN_METHOD);
  socket.once('finish', () => socket.destroy());
}

function refuse(socket: Duplex, { status, message }: { readonly status: number; readonly message: string }): void {
  const body = bodyOf(message);
  const common = Object.entries(COMMON_HEADERS).map(([name, value]) => `${name}: ${value}`);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...common,
    ...(status === 405 ? [`Allow: ${METHODS}`] : []),
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** The one value of `Host` that was last found to be well formed: clients send the same one again and again. */
let knownHost: string | undefined;
const HOST = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\w.~!$&'()*+,;=:-]+\])(?::\d*)?$/;

/**
 * Answers what Node reads as a request although HTTP forbids to take it: another version, no host or several, credentials
 * of several, and codings around a body that somebody in front of us may have read otherwise (RFC 9110, section 5.3; RFC
 * 9112, sections 2.5, 3.2, 6.1 and 7). False for all others.
 */
export function refuseMalformed(request: IncomingMessage, response: ServerResponse): boolean {
  if (isWellFramed(request)) return false;
  const body = bodyOf(MALFORMED.message);
  const length = String(Buffer.byteLength(body));
  const headers = { ...COMMON_HEADERS, 'Content-Type': 'application/json', 'Content-Length': length };
  response.writeHead(MALFORMED.status, { ...headers, Connection: 'close' });
  response.end(request.method === 'HEAD' ? undefined : body);
  return true;
}

function isWellFramed({ headers, rawHeaders, httpVersion, httpVersionMinor }: IncomingMessage): boolean {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return false;
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && (httpVersionMinor === 0 || coding.toLowerCase() !== 'chunked')) return false;
  const { authorization, host } = headers;
  if (authorization !== undefined && count(rawHeaders, 'authorization') > 1) return false;
  if (host === undefined) return httpVersionMinor === 0;
  if (host !== knownHost && !HOST.test(host)) return false;
  knownHost = host;
  return count(rawHeaders, 'host') === 1;
}

/** How often a header was sent: Node shows the first of those that may come once. */
function count(rawHeaders: readonly string[], name: string): number {
  let found = 0;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]!.length === name.length && rawHeaders[at]!.toLowerCase() === name) found += 1;
  return found;
}

function bodyOf(message: string): string {
  return JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message, detail: {} }] });
}
