import { createHash, randomUUID } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';

// Usage: bare-push-server.js PORT FOLDER: what a push to node:http costs before anybody keeps account of it. What is put is
// hashed, written to a file of its own and flushed before the answer; nothing is asked, named, checked or remembered.
const [, , port, folder] = process.argv as [string, string, string, string];

const server = createServer((request, response) => {
  void answer(request).then(
    ({ status, location }) => {
      response.writeHead(status, { Location: location, 'Content-Length': '0' });
      response.end();
    },
    (error: unknown) => response.destroy(error as Error),
  );
});
server.keepAliveTimeout = 75_000;
server.listen(Number(port), '127.0.0.1');

async function answer(request: IncomingMessage): Promise<{ status: number; location: string }> {
  const url = request.url!;
  if (request.method === 'POST') {
    const [start] = url.split('?', 1);
    return url.includes('mount=') ? { status: 201, location: url } : { status: 202, location: start + randomUUID() };
  }
  if (request.method !== 'PUT') return { status: 200, location: url };
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const bytes = Buffer.concat(parts);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const path = join(folder, randomUUID());
  const file = await open(path, 'wx');
  await file.write(bytes);
  await file.datasync();
  await file.close();
  await rename(path, join(folder, digest));
  return { status: 201, location: url };
}
