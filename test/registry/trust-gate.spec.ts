import 'reflect-metadata';
import { ExtendedKeyUsage, ExtendedKeyUsageExtension, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addRole, removeRole } from '#access/role-assignments.js';
import { type FoundManifest } from '#content/read/find-manifest.js';
import { MOST_SIGNATURES } from '#content/read/find-referrers.js';
import { newId } from '#platform/identifiers.js';
import { issueChain } from '#signing/formats/notation/certificate-fixture.js';
import { nv2Format } from '#signing/formats/nv2/nv2-format.js';
import { storeSignatures } from '#signing/store/store-signatures.js';
import { readTrust } from '#signing/verify/read-trust.js';
import { verifyStored } from '#signing/verify/verify-reference.js';
import { describe_, type Made, made, OCI_INDEX, pushImage, putManifest } from './content.js';
import { guard, keyPair, sign } from './guarded.js';
import { type RegistryProcess, startRegistry } from './registry-process.js';

type Pushed = Awaited<ReturnType<typeof pushImage>>;

let registry: RegistryProcess;
const keys = [keyPair(), keyPair()];

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

describe('a distribution with a trust policy', () => {
  it('C13 serves only what a trusted key has signed, by tag, by digest and through an index', async () => {
    const [signed, bare, child] = [
      await push('gate/app', 'signed'),
      await push('gate/app', 'bare'),
      await push('gate/app'),
    ];
    const index = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [describe_(child)] });
    await putManifest(registry, 'gate/app', 'index', index);
    await sign(registry, 'gate/app', signed, keys[0]!);
    await sign(registry, 'gate/app', index, keys[0]!);
    const status = async (reference: string) =>
      (await registry.request('GET', `/v2/gate/app/manifests/${reference}`)).status;
    expect(await status('bare')).toBe(200);
    await guard(registry, 'gate/app', { cosign_keys: [keys[0]!.publicKey] });
    expect([await status('signed'), await status(signed.digest)]).toEqual([200, 200]);
    expect([await status('index'), await status(child.digest)]).toEqual([200, 200]);
    await vi.waitFor(async () => expect(await status('bare')).toBe(403));
    expect(await status(bare.digest)).toBe(403);
    const head = await registry.request('HEAD', '/v2/gate/app/manifests/bare');
    expect(head.status).toBe(403);
    const refused = await registry.request('GET', '/v2/gate/app/manifests/bare');
    expect(refused.code).toBe('DENIED');
    expect(refused.bytes.toString()).toContain('NO_SIGNATURE');
  });

  it('C13 serves what a trusted index lists by way of another index, and nothing beside it', async () => {
    const name = 'gate/nested';
    const [child, other] = [await push(name), await push(name)];
    const index = async (manifests: readonly Made[], tag: string) => {
      const made_ = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: manifests.map(describe_) });
      await putManifest(registry, name, tag, made_);
      return made_;
    };
    const inner = await index([child], 'inner');
    const outer = await index([inner], 'outer');
    const beside = await index([child, other], 'beside');
    await sign(registry, name, outer, keys[0]!);
    await guard(registry, name, { cosign_keys: [keys[0]!.publicKey] });
    const status = async ({ digest }: Made) =>
      (await registry.request('GET', `/v2/${name}/manifests/${digest}`)).status;
    await vi.waitFor(async () => expect(await status(other)).toBe(403));
    const statuses = [await status(outer), await status(inner), await status(child), await status(beside)];
    expect(statuses).toEqual([200, 200, 200, 403]);
  });

  it('lets signatures themselves through, so that clients can look', async () => {
    const image = await push('gate/open', 'v1');
    await sign(registry, 'gate/open', image, keys[0]!);
    await guard(registry, 'gate/open', { cosign_keys: [keys[1]!.publicKey] });
    const tag = `${image.digest.replace(':', '-')}.sig`;
    expect((await registry.request('GET', `/v2/gate/open/manifests/${tag}`)).status).toBe(200);
    const refused = await registry.request('GET', '/v2/gate/open/manifests/v1');
    expect([refused.status, refused.code]).toEqual([403, 'DENIED']);
    expect(refused.bytes.toString()).toContain('UNKNOWN_KEY');
  });

  it("lets the list of an image's referrers through by tag and by digest, also when nobody stored it", async () => {
    const { bytes: _, ...subject } = await push('gate/listed', 'v1');
    await pushImage(registry, 'gate/listed', undefined, { subject });
    await guard(registry, 'gate/listed', { cosign_keys: [keys[0]!.publicKey] });
    const read = (reference: string) => registry.request('GET', `/v2/gate/listed/manifests/${reference}`);
    const byTag = await read(subject.digest.replace(':', '-'));
    expect(byTag.status).toBe(200);
    expect((await read(byTag.headers.get('docker-content-digest')!)).status).toBe(200);
  });

  it('lets whoever may push read what he is to sign, as long as he may', async () => {
    await push('gate/signer', 'v1');
    await guard(registry, 'gate/signer', { cosign_keys: [keys[0]!.publicKey] });
    const [{ id }] = await registry.source.query("select id from distribution where base_path = 'gate/signer'");
    const objectKey = `container.containerdistribution:${id}`;
    const may = (role: string) => ({ role: `container.containerdistribution_${role}`, users: ['bob'], objectKey });
    for (const role of ['consumer', 'collaborator']) await registry.source.transaction((tx) => addRole(tx, may(role)));
    const status = async () => {
      const path = `/token/?service=${registry.config.publicHost}&scope=repository:gate/signer:pull,push`;
      const { token } = (await registry.request('GET', path, { as: 'bob' })).json<{ token: string }>();
      const headers = { authorization: `Bearer ${token}` };
      return (await registry.request('GET', '/v2/gate/signer/manifests/v1', { as: null, headers })).status;
    };
    await vi.waitFor(async () => expect(await status()).toBe(200));
    await registry.source.transaction((tx) => removeRole(tx, may('collaborator')));
    await vi.waitFor(async () => expect(await status()).toBe(403));
  });

  it('wants as many different signers as the policy says', async () => {
    const image = await push('gate/two', 'v1');
    await sign(registry, 'gate/two', image, keys[0]!);
    await guard(registry, 'gate/two', { cosign_keys: keys.map((key) => key.publicKey) }, { required: 2 });
    expect((await registry.request('GET', '/v2/gate/two/manifests/v1')).status).toBe(403);
    await sign(registry, 'gate/two', image, keys[1]!);
    expect((await registry.request('GET', '/v2/gate/two/manifests/v1')).status).toBe(200);
  });

  it('C13 does not take a signature of the nv2 prototype, which any certificate of the authority can make', async () => {
    const name = 'gate/nv2';
    const { bytes, mediaType, digest, size } = await push(name, 'v1');
    const manifest = { bytes, mediaType, digest, size };
    const server = [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]), namesHost(registry.host)];
    const { root, leaf, pem } = await issueChain({ more: server });
    const signer = await nv2Format.openSigner({ privateKey: leaf.privateKeyPem, certificates: pem });
    const signature = await signer.sign(manifest, `${registry.host}/${name}:v1`, new Date());
    const [row] = await registry.source.query('select id from repository where name = $1', [name]);
    const stores = { source: registry.source, store: registry.store };
    await storeSignatures(stores, row.id, [{ format: 'nv2', manifest, bytes: signature }]);
    await guard(registry, name, { certificates: [root.pem] });
    const refused = await registry.request('GET', `/v2/${name}/manifests/v1`);
    expect([refused.status, refused.code]).toEqual([403, 'DENIED']);
  });

  it('looks at no more signatures than it can, and says so', async () => {
    const image = await push('gate/flood', 'v1');
    const repositoryId = await flood('gate/flood', image.digest, MOST_SIGNATURES + 1);
    const manifest = { ...image, id: newId() } as unknown as FoundManifest;
    const view = { repositoryId, pinned: null };
    const report = await verifyStored(registry.source, view, manifest, `${registry.host}/gate/flood:v1`, readTrust({}));
    expect(report).toMatchObject({ verified: false, code: 'RESOURCE_LIMIT' });
    expect(report.signatures).toHaveLength(MOST_SIGNATURES);
    await guard(registry, 'gate/flood', { cosign_keys: [keys[0]!.publicKey] });
    const refused = await registry.request('GET', '/v2/gate/flood/manifests/v1');
    expect(refused.status).toBe(403);
    expect(refused.bytes.toString()).toContain('more signatures than can be looked at');
  });

  it('only tells when it is there to audit', async () => {
    await push('gate/audit', 'v1');
    await guard(registry, 'gate/audit', { cosign_keys: [keys[0]!.publicKey] }, { mode: 'audit' });
    const answer = await registry.request('GET', '/v2/gate/audit/manifests/v1');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('warning')).toMatch(/^299 - "not trusted: /);
  });
});

const push = (name: string, tag?: string): Promise<Pushed> =>
  tag === undefined ? pushImage(registry, name) : pushImage(registry, name, tag);

const namesHost = (host: string) =>
  new SubjectAlternativeNameExtension([{ type: 'ip', value: host.split(':', 1)[0]! }]);

/** Signatures that nobody can read, straight into the repository. */
async function flood(name: string, manifestDigest: string, count: number): Promise<string> {
  const [row] = await registry.source.query(
    `with head as (select id, head from repository where name = $1),
       made as (insert into signature (id, format, scheme, manifest_digest, name, digest, bytes)
         select gen_random_uuid(), 'simple', 'atomic', $2, $2 || '@' || n, 'sha256:' || n, 'rubbish'
         from generate_series(1, $3::int) n returning id),
       placed as (insert into membership (repository_id, unit_id, kind, added_in)
         select head.id, made.id, 'signature', head.head from head, made)
     select id from head`,
    [name, manifestDigest, count],
  );
  return (row as { id: string }).id;
}
