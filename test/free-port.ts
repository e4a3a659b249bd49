import { createServer } from 'node:net';

const FIRST = 10_000;
const LAST = 32_000;
/** Ports that `fetch` refuses to ask, see the Fetch standard, section 2.10. */
const BLOCKED: readonly number[] = [10_080];

/**
 * A port of loopback that is free now. It lies below the range that the kernel gives to outgoing connections, so that none of
 * the other tests' connections takes it before the server does.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (!BLOCKED.includes(port) && (await isFree(port))) return port;
  }
}

/** Several ports that are free now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}
