import { connect } from 'node:net';
import { cpuSeconds, type Load } from './measure.js';

const END = Buffer.from('\r\n\r\n');

/** Loads a URL with HEAD requests, which wrk cannot: it waits for the bodies. */
export async function headLoad(
  pid: number,
  url: string,
  { connections = 32, seconds = 3, headers = {} as Readonly<Record<string, string>> },
): Promise<Load> {
  const { hostname, port, pathname, host } = new URL(url);
  const lines = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`HEAD ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const before = cpuSeconds(pid);
  const began = performance.now();
  const times: number[] = [];
  let over = false;
  const client = () =>
    new Promise<void>((done, fail) => {
      const socket = connect(Number(port), hostname);
      let sent = performance.now();
      socket.on('connect', () => socket.write(head));
      socket.on('error', fail);
      socket.on('data', (chunk: Buffer) => {
        if (!chunk.subarray(-4).equals(END)) return;
        const now = performance.now();
        times.push(now - sent);
        if (over) {
          socket.destroy();
          return done();
        }
        sent = now;
        socket.write(head);
      });
    });
  setTimeout(() => (over = true), seconds * 1000);
  await Promise.all(Array.from({ length: connections }, client));
  const elapsed = (performance.now() - began) / 1000;
  times.sort((one, other) => one - other);
  return {
    rate: times.length / elapsed,
    p99: times[Math.floor(times.length * 0.99)],
    cpu: ((cpuSeconds(pid) - before) * 1e6) / times.length,
  };
}
