import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that went by, with the status of its answer. */
export interface Recorded {
  readonly method: string;
  readonly url: string;
  readonly status: number;
}

/** A proxy that keeps what was asked of the registry behind it. */
export interface RecordingProxy {
  readonly host: string;
  /** What went by since the last call. */
  take(): Recorded[];
  close(): Promise<void>;
}

/** Starts a proxy; `port` is that of the registry, which may be started later. */
export async function startRecordingProxy(port: () => number): Promise<RecordingProxy> {
  let seen: Recorded[] = [];
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    const passed = send({ host: '127.0.0.1', port: port(), method, path: url, headers }, (answer) => {
      seen.push({ method, url, status: answer.statusCode ?? 0 });
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = seen;
      seen = [];
      return taken;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
