import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from 'openpgp';
import type { BuiltinSigner } from '#signing/formats/signature-format.js';
import { simpleFormat } from '#signing/formats/simple/simple-format.js';
import { type Made, makeImage, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let signer: BuiltinSigner;
beforeAll(async () => {
  registry = await startRegistry();
  const { privateKey } = await generateKey({
    userIDs: [{ name: 'test', email: 'test@example.com' }],
    format: 'armored',
  });
  signer = await simpleFormat.openSigner({ privateKey });
});
afterAll(() => registry?.close());

interface Entry {
  readonly schemaVersion: number;
  readonly type: string;
  readonly name: string;
  readonly content: string;
}

const path = (name: string, digest: string) => `/extensions/v2/${name}/signatures/${digest}`;

async function entryFor(image: Made, reference: string): Promise<Entry> {
  const content = Buffer.from(await signer.sign(image, reference, new Date())).toString('base64');
  return { schemaVersion: 2, type: 'atomic', name: `${image.digest}@${someBytes(16).toString('hex')}`, content };
}

const put = (name: string, digest: string, entry: unknown, as = 'admin') =>
  registry.request('PUT', path(name, digest), { as, body: typeof entry === 'string' ? entry : JSON.stringify(entry) });
const list = async (name: string, digest: string) => {
  const answer = await registry.request('GET', path(name, digest));
  return { status: answer.status, signatures: answer.json<{ signatures: Entry[] }>().signatures };
};
const head = async (name: string) =>
  ((await registry.source.query(`select head from repository where name = $1`, [name])) as { head: number }[])[0]!.head;

describe('the signature extension', () => {
  it('answers 200 with an empty list for a manifest without signatures, and 404 for none', async () => {
    const image = await pushImage(registry, 'sig/app', 'v1');
    expect(await list('sig/app', image.digest)).toEqual({ status: 200, signatures: [] });
    for (const [name, digest, code] of [
      ['sig/app', sha('x'), 'MANIFEST_UNKNOWN'],
      ['sig/none', image.digest, 'NAME_UNKNOWN'],
    ] as const) {
      const answer = await registry.request('GET', path(name, digest));
      expect([answer.status, answer.code]).toEqual([404, code]);
    }
  });

  it('stores a signature once, under a name that follows from its bytes, in one version', async () => {
    const name = 'sig/once';
    const image = await pushImage(registry, name, 'v1');
    const entry = await entryFor(image, `${registry.host}/${name}:v1`);
    for (let again = 0; again < 2; again += 1) {
      const answer = await put(name, image.digest, {
        ...entry,
        name: `${image.digest}@${someBytes(16).toString('hex')}`,
      });
      expect([answer.status, answer.headers.get('location')]).toEqual([201, path(name, image.digest)]);
    }
    expect(await head(name)).toBe(2);
    const hex = sha(Buffer.from(entry.content, 'base64')).slice(7, 39);
    const expected = { schemaVersion: 2, type: 'atomic', name: `${image.digest}@${hex}`, content: entry.content };
    expect((await list(name, image.digest)).signatures).toEqual([expected]);
    expect((await registry.request('HEAD', path(name, image.digest))).status).toBe(200);
  });

  it('keeps a signature of a manifest that no tag reaches yet, and takes it into the version of the tag', async () => {
    const name = 'sig/staged';
    const image = await pushImage(registry, name);
    expect((await put(name, image.digest, await entryFor(image, `${registry.host}/${name}:v1`))).status).toBe(201);
    expect((await list(name, image.digest)).signatures.length).toBe(1);
    expect(await head(name)).toBe(0);
    await putManifest(registry, name, 'v1', image);
    expect(await head(name)).toBe(1);
    expect((await list(name, image.digest)).signatures.length).toBe(1);
  });

  it('refuses what is not a signature of this manifest, with the reason', async () => {
    const name = 'sig/refused';
    const image = await pushImage(registry, name, 'v1');
    const good = await entryFor(image, `${registry.host}/${name}:v1`);
    const other = await entryFor(await makeImage(registry, name), `${registry.host}/${name}:v1`);
    for (const [entry, reason] of [
      [other, /is of sha256/],
      ['not json', /JSON object/],
      [{ ...good, schemaVersion: 1 }, /schemaVersion/],
      [{ ...good, type: 'cosign' }, /type/],
      [{ ...good, name: 'x' }, /name/],
      [{ ...good, content: '***' }, /base64/],
      [{ ...good, content: someBytes(200).toString('base64') }, /signature invalid/],
    ] as const) {
      const answer = await put(name, image.digest, entry);
      expect([answer.status, answer.code]).toEqual([400, 'SIGNATURE_INVALID']);
      expect(answer.json<{ errors: { message: string }[] }>().errors[0]!.message).toMatch(reason);
    }
    expect((await list(name, image.digest)).signatures).toEqual([]);
    expect((await put(name, image.digest, good, 'bob')).status).toBe(403);
    expect((await put(name, sha('x'), good)).status).toBe(404);
  });

  it('goes with the manifest when that is deleted', async () => {
    const name = 'sig/deleted';
    const image = await pushImage(registry, name, 'v1');
    await put(name, image.digest, await entryFor(image, `${registry.host}/${name}:v1`));
    await registry.request('DELETE', `/v2/${name}/manifests/${image.digest}`);
    const [row] = (await registry.source.query(
      `select v.present from repository r join repository_version v on v.repository_id = r.id and v.number = r.head where r.name = $1`,
      [name],
    )) as [{ present: object }];
    expect(row.present).toEqual({});
  });
});

describe('the lookaside', () => {
  it('serves the same signatures as numbered files and ends with 404', async () => {
    const name = 'sig/lookaside';
    const image = await pushImage(registry, name, 'v1');
    const entries = [
      await entryFor(image, `${registry.host}/${name}:v1`),
      await entryFor(image, `${registry.host}/${name}:v2`),
    ];
    for (const entry of entries) await put(name, image.digest, entry);
    const file = (number: string) =>
      registry.request('GET', `/lookaside/${name}@${image.digest.replace(':', '=')}/signature-${number}`, { as: null });
    for (const [at, entry] of entries.entries()) {
      const answer = await file(String(at + 1));
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
      expect(answer.bytes.toString('base64')).toBe(entry.content);
    }
    for (const number of ['3', '0', '01', 'x', '128']) expect((await file(number)).status).toBe(404);
  });

  it('F8 serves each signature however large they are together, of which the extension lists what clients read', async () => {
    const name = 'sig/large';
    const image = await pushImage(registry, name, 'v1');
    for (const tag of ['v1', 'v2', 'v3']) {
      const entry = await entryFor(image, `${registry.host}/${name}:${tag}`);
      expect((await put(name, image.digest, entry)).status).toBe(201);
    }
    await registry.source.query(
      `update signature set bytes = bytes || decode(repeat('00', 1300000), 'hex') where manifest_digest = $1`,
      [image.digest],
    );
    const listed = await registry.request('GET', path(name, image.digest));
    expect(listed.json<{ signatures: Entry[] }>().signatures.length).toBe(2);
    expect(listed.bytes.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    const at = `/lookaside/${name}@${image.digest.replace(':', '=')}`;
    const files = await Promise.all([1, 2, 3, 4].map((number) => registry.request('GET', `${at}/signature-${number}`)));
    expect(files.map((file) => file.status)).toEqual([200, 200, 200, 404]);
    expect(new Set(files.map((file) => sha(file.bytes))).size).toBe(4);
  });
});
