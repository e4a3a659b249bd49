// The quick start of the README, typed as it stands there. `npm start` is a server that runs already.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { blocksOf, newKey, openReader, type Reader } from './pages.js';

const clients = needing('podman', 'skopeo', 'gpg');

describe.skipIf(clients.skip)(`the quick start${clients.note}`, () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await openReader();
  });
  afterAll(() => reader?.close());

  it('works command by command, and the image is then accepted by its key only', async () => {
    const { stage, hallmark, key } = reader;
    const [start, ...blocks] = await blocksOf('README.md', 'sh', 'Quick start');
    expect(start).toBe('npm start\n');
    expect(blocks.length).toBeGreaterThanOrEqual(3);
    const typed = blocks
      .join('\n')
      .replaceAll('127.0.0.1:24817', hallmark.host)
      .replaceAll('HALLMARK_PASSWORD=…', `HALLMARK_PASSWORD='${PASSWORD}'`)
      .replaceAll('YOUR-KEY-ID', key)
      .replaceAll(/\bIMAGE\b/g, 'localhost/app');
    expect(typed).not.toMatch(/…|24817/);
    const said = await stage.sh(typed);
    expect(said).toContain('Successfully added signing service release');
    expect(said).toContain('1 signed');
    expect(said).toContain('Verified.');
    await stage.sh(`${newKey('b@example.com')}; gpg --armor --export b@example.com > release.asc`);
    const last = typed.trim().split('\n').at(-1)!;
    expect(last).toMatch(/^podman pull/);
    expect(await stage.attempt(last)).not.toMatchObject({ code: 0 });
  });
});
