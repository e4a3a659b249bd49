import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { COMMON_HEADERS } from './registry-headers.js';

const BY_CODE: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The URL or the headers of the request are too long.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The headers of the request came too slowly.' },
};
const MALFORMED = { status: 400, message: 'The request is not valid HTTP.' };

/** Answers what is no request at all in the OCI form, once, and closes the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const answered = (socket as { _httpMessage?: { headersSent?: boolean } })._httpMessage?.headersSent === true;
  if (error.code === 'ECONNRESET' || !socket.writable || answered) return void socket.destroy();
  const { status, message } = BY_CODE[error.code ?? ''] ?? MALFORMED;
  const body = bodyOf(message);
  const common = Object.entries(COMMON_HEADERS).map(([name, value]) => `${name}: ${value}`);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...common,
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
 * Answers what Node reads as a request although HTTP forbids to take it: another version, no host or several, and codings
 * around a body that somebody in front of us may have read otherwise (RFC 9112, sections 2.5, 3.2, 6.1 and 7). False for all
 * others.
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
  const { host } = headers;
  if (host === undefined) return httpVersionMinor === 0;
  if (host !== knownHost && !HOST.test(host)) return false;
  knownHost = host;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]!.length === 4 && rawHeaders[at]!.toLowerCase() === 'host') hosts += 1;
  return hosts === 1;
}

function bodyOf(message: string): string {
  return JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message, detail: {} }] });
}
