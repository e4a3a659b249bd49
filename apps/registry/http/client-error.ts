import { STATUS_CODES } from 'node:http';
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
  const body = JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message, detail: {} }] });
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
