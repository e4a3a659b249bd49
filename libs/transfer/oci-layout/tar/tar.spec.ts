import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isDomainError } from '#platform/domain-error.js';
import { readPaxHeader } from './pax-header.js';
import { readTarHeader } from './tar-header.js';
import { readTar } from './tar-reader.js';
import { END_OF_ARCHIVE, tarHeader, tarPadding } from './tar-writer.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'tar-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const tar = (...args: string[]) => execFileSync('tar', args, { cwd: folder, encoding: 'utf8' });

async function read(bytes: Buffer, chunk = 1000): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const chunks = (async function* () {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  })();
  await readTar(chunks, { entries: 100 }, async ({ path, size, offset }, body) => {
    const parts: Buffer[] = [];
    for await (const part of body) parts.push(Buffer.from(part));
    expect(Buffer.concat(parts).equals(bytes.subarray(offset, offset + size))).toBe(true);
    files[path] = Buffer.concat(parts).toString();
  });
  return files;
}

const LONG = `${'deep/'.repeat(30)}${'n'.repeat(120)}`;

describe('an archive that is written here', () => {
  it('is read by GNU tar, long names too', () => {
    const members = ['short', LONG].map((path) =>
      Buffer.concat([tarHeader(path, 3), Buffer.from('abc'), tarPadding(3)]),
    );
    writeFileSync(join(folder, 'a.tar'), Buffer.concat([...members, END_OF_ARCHIVE]));
    expect(tar('-tf', 'a.tar').trim().split('\n')).toEqual(['short', LONG]);
    tar('-xf', 'a.tar');
    expect(readFileSync(join(folder, LONG), 'utf8')).toBe('abc');
    expect(tar('--numeric-owner', '--utc', '-tvf', 'a.tar')).toMatch(/^-rw-r--r-- 0\/0 +3 1970-01-01 00:00 short$/m);
  });

  it('names sizes from 8 GiB in a pax header', () => {
    const size = 10 * 2 ** 30;
    const blocks = tarHeader('big', size);
    expect(blocks.length).toBe(3 * 512);
    const { type, size: length } = readTarHeader(blocks.subarray(0, 512));
    expect(type).toBe('x');
    expect(readPaxHeader(blocks.subarray(512, 512 + length))).toEqual({ size });
    expect(tarHeader('big', 2 ** 33 - 1).length).toBe(512);
    writeFileSync(join(folder, 'a.tar'), blocks);
    truncateSync(join(folder, 'a.tar'), blocks.length + size + 1024);
    expect(tar('-tvf', 'a.tar')).toContain(`${size} 1970`);
  });
});

describe('an archive of other writers', () => {
  it.each(['gnu', 'pax', 'ustar', 'oldgnu'])('is read in the form %s of GNU tar', async (format) => {
    const long = format === 'ustar' ? `${'d'.repeat(90)}/${'n'.repeat(90)}` : LONG;
    mkdirSync(join(folder, 'x', long.slice(0, long.lastIndexOf('/'))), { recursive: true });
    writeFileSync(join(folder, 'x', long), 'long');
    writeFileSync(join(folder, 'x/empty'), '');
    writeFileSync(join(folder, 'x/größe'), 'a'.repeat(700));
    tar(`--format=${format}`, '-cf', 'a.tar', './x');
    const bytes = readFileSync(join(folder, 'a.tar'));
    const expected = { [`x/${long}`]: 'long', 'x/empty': '', 'x/größe': 'a'.repeat(700) };
    for (const chunk of [1, 511, 512, 100_000]) expect(await read(bytes, chunk)).toEqual(expected);
  });

  it('is refused, and never crashes the reader, when any of its bytes are others', async () => {
    writeFileSync(join(folder, 'some'), 'text'.repeat(200));
    tar('--format=pax', '-cf', 'a.tar', 'some');
    const bytes = readFileSync(join(folder, 'a.tar'));
    await fc.assert(
      fc.asyncProperty(fc.nat(3000), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const other = Buffer.from(bytes);
        other[at]! ^= flip;
        expect(await read(other).then(() => true, isDomainError)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
