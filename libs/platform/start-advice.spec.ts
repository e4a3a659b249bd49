import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startAdvice } from './start-advice.js';

const settings = { host: '127.0.0.1', port: 24_817, dataDir: '/data', databaseUrl: 'postgres://db/hallmark' };
const coded = (code: string, message = 'no') => Object.assign(new Error(message), { code });

it('a port that is taken, or not for this user, is told with the setting that changes it', async () => {
  const first = createServer().listen(0, '127.0.0.1');
  await once(first, 'listening');
  const { port } = first.address() as AddressInfo;
  const [error] = (await once(createServer().listen(port, '127.0.0.1'), 'error')) as [Error];
  first.close();
  expect(startAdvice(error, { ...settings, port })).toMatch(
    new RegExp(`EADDRINUSE.*\\n.*port ${port} .*another Hallmark.*HALLMARK_PORT`),
  );
  const refused = Object.assign(coded('EACCES'), { syscall: 'listen' });
  expect(startAdvice(refused, { ...settings, port: 80 })).toMatch(/Port 80 .*HALLMARK_PORT/);
});

it('a folder that cannot be written, or a full disk, is told with its name and setting', async () => {
  const file = join(tmpdir(), `no-folder-${process.pid}`);
  await writeFile(file, '');
  const error: unknown = await mkdir(join(file, 'postgres')).catch((each: unknown) => each);
  expect(startAdvice(error, settings)).toMatch(/ENOTDIR[^]*write to \/data, or set HALLMARK_DATA_DIR/);
  const full = new Error('initdb ended with 1: could not write: No space left on device');
  expect(startAdvice(full, settings)).toMatch(/Make room on the disk of \/data/);
});

it('a database that is away or lets nobody in is told with its setting, even when the error says nothing', () => {
  for (const error of [coded('ECONNREFUSED', ''), coded('28P01'), coded('3D000')])
    expect(startAdvice(error, settings)).toMatch(/.\nCheck DATABASE_URL/);
  expect(startAdvice(new Error('the settings are wrong'), settings)).toBe('the settings are wrong');
});
