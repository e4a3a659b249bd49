import { createConnection } from 'node:net';
import { basic, type RegistryProcess } from './registry-process.js';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly text: string;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/**
 * Writes bytes to a socket and reads until the other side closes or nothing comes for a while: for what a client library
 * would not send.
 */
export function sendRaw(registry: RegistryProcess, bytes: string | Buffer, quietMs = 400): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(registry.port, '127.0.0.1');
    let text = '';
    const end = () => {
      socket.destroy();
      resolve(parse(text));
    };
    let timer = setTimeout(end, 5000);
    socket.on('data', (data) => {
      text += data.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(end, quietMs);
    });
    socket.on('close', () => {
      clearTimeout(timer);
      end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? end() : reject(error),
    );
    socket.write(bytes);
  });
}

/** A request line with headers, signed in as admin unless told otherwise. */
export function head(
  registry: RegistryProcess,
  line: string,
  headers: readonly string[] = [],
  as: string | null = 'admin',
) {
  const account = as === null ? [] : [`Authorization: ${basic(as)}`];
  return [line, `Host: ${registry.host}`, ...account, ...headers, '', ''].join('\r\n');
}

function parse(text: string): RawAnswer {
  const split = text.indexOf('\r\n\r\n');
  const lines = text.slice(0, split < 0 ? text.length : split).split('\r\n');
  const headers = new Map(
    lines.slice(1).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
  );
  return { text, status: Number(lines[0]?.split(' ')[1] ?? 0), headers, body: split < 0 ? '' : text.slice(split + 4) };
}
