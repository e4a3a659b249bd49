import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

// Usage: bare-server.js PORT HEADERS-JSON BODY-FILE: a node:http server that sends the same bytes to everybody.
const [, , port, headers, file] = process.argv as [string, string, string, string, string];
const flat = JSON.parse(headers) as string[];
const body = readFileSync(file);
const etag = flat[flat.indexOf('ETag') + 1];
const withoutBody = flat.filter((_, at) => !/^content-/i.test(flat[at - (at % 2)]!));

const server = createServer((request, response) => {
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, withoutBody);
    response.end();
    return;
  }
  response.writeHead(200, flat);
  if (request.method === 'HEAD') response.end();
  else response.end(body);
});
server.keepAliveTimeout = 75_000;
server.listen(Number(port), '127.0.0.1');
