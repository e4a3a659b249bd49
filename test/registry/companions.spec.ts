import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKeyPairSync, sign } from 'node:crypto';
import { type Made, made, OCI_CONFIG, OCI_MANIFEST, pushBlob, pushImage, putManifest } from './content.js';
import { keyPair, sign as signAs } from './guarded.js';
import { type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const SIMPLE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

interface Layer {
  readonly digest: string;
  readonly annotations: Record<string, string>;
}
interface Companion {
  readonly layers: readonly Layer[];
}

const tagOf = (digest: string, kind = 'sig') => `${digest.replace(':', '-')}.${kind}`;
const read = async (name: string, reference: string) => {
  const answer = await registry.request('GET', `/v2/${name}/manifests/${reference}`);
  return answer.status === 200 ? answer.json<Companion>() : undefined;
};

/** What a cosign signer pushes after it has read `existing`. */
async function appended(name: string, image: Made, who: string, existing: Companion | undefined): Promise<Made> {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': `localhost/${name}` },
        image: { 'docker-manifest-digest': image.digest },
        type: 'cosign container image signature',
      },
      optional: { creator: who },
    }),
  );
  const blob = await pushBlob(registry, name, payload, SIMPLE);
  const signature = sign('sha256', payload, key).toString('base64');
  const layer = { ...blob, annotations: { 'dev.cosignproject.cosign/signature': signature } };
  const layers = [...(existing?.layers ?? []), layer];
  const config = await pushBlob(
    registry,
    name,
    Buffer.from(JSON.stringify({ layers: layers.map((each) => each.digest) })),
    OCI_CONFIG,
  );
  return made({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers });
}

const units = (name: string) =>
  registry.source.query(
    `select s.creator, s.scheme from signature s join membership m on m.unit_id = s.id and m.removed_in is null
     join repository r on r.id = m.repository_id where r.name = $1 order by s.creator`,
    [name],
  ) as Promise<{ creator: string; scheme: string }[]>;

describe('a companion tag', () => {
  it('shows each signature as a unit in the version that its push made', async () => {
    const name = 'team/signed';
    const image = await pushImage(registry, name, 'v1');
    const first = await appended(name, image, 'ann', undefined);
    expect((await putManifest(registry, name, tagOf(image.digest), first)).status).toBe(201);
    expect(await units(name)).toEqual([{ creator: 'ann', scheme: 'cosign:tag' }]);
    const [{ head }] = (await registry.source.query(`select head from repository where name = $1`, [name])) as [
      { head: number },
    ];
    expect(head).toBe(2);
  });

  it('that leads to what clients may read differently, stored before that was known, is replaced by pushes, and refused to signers', async () => {
    const name = 'team/ambiguous';
    const image = await pushImage(registry, name, 'v1');
    const tag = tagOf(image.digest);
    const first = await appended(name, image, 'ann', undefined);
    await putManifest(registry, name, tag, first);
    const bytes = Buffer.from(first.bytes.toString().replace('"layers"', '"Layers":[],"layers"'));
    await registry.source.query('update manifest set bytes = $1, digest = $2, size = $3 where digest = $4', [
      bytes,
      sha(bytes),
      bytes.length,
      first.digest,
    ]);
    await expect(signAs(registry, name, image, keyPair())).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('delete it to sign here') as string,
    });
    const second = await appended(name, image, 'bob', undefined);
    expect((await putManifest(registry, name, tag, second)).status).toBe(201);
    expect((await registry.request('GET', `/v2/${name}/manifests/${tag}`)).bytes).toEqual(second.bytes);
  });

  it('C12 keeps what another signer appended between reading and writing', async () => {
    const name = 'team/two-signers';
    const image = await pushImage(registry, name, 'v1');
    const tag = tagOf(image.digest);
    const [ann, bob] = [await appended(name, image, 'ann', undefined), await appended(name, image, 'bob', undefined)];
    await putManifest(registry, name, tag, ann);
    const late = await putManifest(registry, name, tag, bob);
    expect([late.status, late.headers.get('docker-content-digest')]).toEqual([201, bob.digest]);
    expect((await read(name, tag))!.layers.length).toBe(2);
    expect((await registry.request('GET', `/v2/${name}/manifests/${bob.digest}`)).bytes.equals(bob.bytes)).toBe(true);
    expect((await units(name)).map((each) => each.creator)).toEqual(['ann', 'bob']);
  });

  it('C12 loses nothing when twenty signers write at once', async () => {
    const name = 'team/crowd';
    const image = await pushImage(registry, name, 'v1');
    const tag = tagOf(image.digest);
    const signers = Array.from({ length: 20 }, async (_, at) => {
      const pushed = await appended(name, image, `signer-${at}`, await read(name, tag));
      return (await putManifest(registry, name, tag, pushed)).status;
    });
    expect(new Set(await Promise.all(signers))).toEqual(new Set([201]));
    const layers = (await read(name, tag))!.layers;
    expect(new Set(layers.map((each) => each.digest)).size).toBe(20);
    expect((await units(name)).length).toBe(20);
    for (const layer of layers)
      expect((await registry.request('HEAD', `/v2/${name}/blobs/${layer.digest}`)).status).toBe(200);
  });

  it('is left as it was pushed when nothing is missing from it', async () => {
    const name = 'team/in-turn';
    const image = await pushImage(registry, name, 'v1');
    const tag = tagOf(image.digest);
    await putManifest(registry, name, tag, await appended(name, image, 'ann', undefined));
    const second = await appended(name, image, 'bob', await read(name, tag));
    await putManifest(registry, name, tag, second);
    const answer = await registry.request('GET', `/v2/${name}/manifests/${tag}`);
    expect(answer.bytes.equals(second.bytes)).toBe(true);
  });

  it('takes its signatures along when it is deleted', async () => {
    const name = 'team/cleaned';
    const image = await pushImage(registry, name, 'v1');
    const tag = tagOf(image.digest);
    await putManifest(registry, name, tag, await appended(name, image, 'ann', undefined));
    expect((await registry.request('DELETE', `/v2/${name}/manifests/${tag}`)).status).toBe(202);
    expect(await units(name)).toEqual([]);
  });

  it('replaces what is no companion manifest', async () => {
    const name = 'team/odd';
    const image = await pushImage(registry, name, 'v1');
    const tag = tagOf(sha('anything'), 'sbom');
    await putManifest(registry, name, tag, image);
    const other = await pushImage(registry, name);
    expect((await putManifest(registry, name, tag, other)).status).toBe(201);
    expect(await read(name, tag)).toBeDefined();
  });
});
