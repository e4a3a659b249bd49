import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '#platform/identifiers.js';
import { changePath, describe_, type Made, made, OCI_INDEX, pushImage, putManifest } from './content.js';
import { guard, keyPair, sign } from './guarded.js';
import { type RegistryProcess, startBeside, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let beside: RegistryProcess;
const [key, other] = [keyPair(), keyPair()] as const;

beforeAll(async () => {
  registry = await startRegistry();
  beside = await startBeside(registry);
});
afterAll(async () => {
  await beside?.close();
  await registry?.close();
});

const read = (name: string, reference: string, from = registry) =>
  from.request('GET', `/v2/${name}/manifests/${reference}`);
const statusOf = async (name: string, reference: string, from = registry) => (await read(name, reference, from)).status;

/** A signed image behind a policy that trusts its key. */
async function trusted(name: string): Promise<Made> {
  const image = await pushImage(registry, name, 'v1');
  await sign(registry, name, image, key);
  await guard(registry, name, { cosign_keys: [key.publicKey] });
  return image;
}

const change = (name: string, columns: string, values: readonly unknown[] = []) =>
  registry.source.query(`update trust_policy set ${columns} where name = $1`, [`policy of ${name}`, ...values]);

describe('a trust policy about tags', () => {
  it('lets clients ask for the digest that a trusted tag leads to, of an index and of what it lists too', async () => {
    const name = 'changes/exact';
    const [image, part] = [await pushImage(registry, name, 'v1'), await pushImage(registry, name)];
    const index = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [describe_(part)] });
    await putManifest(registry, name, 'v1-all', index);
    for (const each of [image, index]) await sign(registry, name, each, key);
    const requirement = {
      type: 'sigstoreSigned',
      keyData: Buffer.from(key.publicKey).toString('base64'),
      signedIdentity: { type: 'matchExact' },
    };
    await guard(registry, name, { containers_policy: { default: [requirement] } });
    expect([await statusOf(name, 'v1'), await statusOf(name, image.digest)]).toEqual([200, 200]);
    expect([await statusOf(name, 'v1-all'), await statusOf(name, part.digest)]).toEqual([403, 403]);
    await putManifest(registry, name, 'v1', index);
    expect([await statusOf(name, 'v1'), await statusOf(name, part.digest)]).toEqual([200, 200]);
    expect(await statusOf(name, image.digest)).toBe(403);
  });
});

describe('a trust policy whose grounds change', () => {
  it('C13 is asked as it is now by every process, within a second also when no announcement of its change arrives', async () => {
    const name = 'changes/keys';
    await trusted(name);
    const answer = async (status: number) => {
      const statuses = async () => [await statusOf(name, 'v1'), await statusOf(name, 'v1', beside)];
      await vi.waitFor(async () => expect(await statuses()).toEqual([status, status]), { timeout: 2000 });
    };
    await answer(200);
    await change(name, 'trust = $2', [{ cosign_keys: [other.publicKey] }]);
    await answer(403);
    await change(name, "mode = 'audit'");
    await answer(200);
    await change(name, "mode = 'enforce', required = 2, trust = $2", [{ cosign_keys: [key.publicKey] }]);
    await answer(403);
  });

  it('C13 judges anew what is served when the path leads to another repository', async () => {
    const [name, elsewhere] = ['changes/path', 'changes/unsigned'];
    const image = await pushImage(registry, name, 'v1');
    for (const { digest } of await blobsOf(image))
      await registry.request('POST', `/v2/${elsewhere}/blobs/uploads/?mount=${digest}&from=${name}`);
    await putManifest(registry, elsewhere, 'v1', image);
    await sign(registry, name, image, key);
    await registry.source.query(
      `update repository set revision = (select revision from repository where name = $1) where name = $2`,
      [name, elsewhere],
    );
    await guard(registry, name, { cosign_keys: [key.publicKey] });
    expect(await statusOf(name, 'v1')).toBe(200);
    const lead = (columns: string) =>
      changePath(registry, name, `update distribution set ${columns} where base_path = $1`);
    await lead(`repository_id = (select id from repository where name = '${elsewhere}')`);
    expect(await statusOf(name, 'v1')).toBe(403);
  });

  it.each([
    ['a containers policy', { containers_policy: { default: [] } }],
    ['a policy of notation', { notation_trust_policy: { version: '2' } }],
    ['a trusted root', { trusted_root: {} }],
    ['a member', { keys: [] }],
  ])('C13 with %s that cannot be read trusts nobody, and says so', async (what, trust) => {
    const name = `changes/${what.replaceAll(' ', '-')}`;
    await trusted(name);
    await change(name, 'trust = $2', [{ cosign_keys: [key.publicKey], ...trust }]);
    const refused = await read(name, 'v1');
    expect([refused.status, refused.code]).toEqual([403, 'DENIED']);
    expect(refused.bytes.toString()).toContain('it cannot be used');
    await change(name, "mode = 'audit'");
    expect(await statusOf(name, 'v1')).toBe(200);
  });

  it('C13 that is not there any more lets nothing pass', async () => {
    const name = 'changes/gone';
    await trusted(name);
    expect(await statusOf(name, 'v1')).toBe(200);
    await changePath(registry, name, `update distribution set trust_policy_id = '${newId()}' where base_path = $1`);
    const refused = await read(name, 'v1');
    expect([refused.status, refused.code]).toEqual([403, 'DENIED']);
    expect(refused.bytes.toString()).toContain('not there any more');
  });
});

async function blobsOf(image: Made) {
  const { config, layers } = JSON.parse(image.bytes.toString()) as { config: Made; layers: Made[] };
  return [config, ...layers];
}
