// Moving signatures from CI to production, with a Hallmark at both ends.
// The layouts of oras against other registries (000-7 to 000-10, 000-16) are also in test/oci-layout/clients-referrers.spec.ts,
// and the import as a request (000-9) in test/oci-layout/requests.spec.ts.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issue, issueChain } from '#signing/formats/notation/certificate-fixture.js';
import { type Json, PASSWORD, startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { notationPolicy, openStage, ROOT, sha, type Stage } from './stage.js';

const NOTATION = 'application/vnd.cncf.notary.signature';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const TAG = '1.36.1-glibc';
const clients = needing('notation', 'oras', 'skopeo', 'openssl', 'curl', 'jq');
const account = () => ({ HALLMARK_PASSWORD: PASSWORD, HALLMARK_USER: 'admin' });
let stage: Stage;
beforeAll(async () => {
  const programs = { notation: 'notation', oras: 'oras', docker: join(import.meta.dirname, 'docker-replay.sh') };
  stage = await openStage(programs, { HALLMARK_CLIENTS: process.env['HALLMARK_CLIENTS'] ?? join(ROOT, '.clients') });
});
afterAll(() => stage?.close());

describe.skipIf(clients.skip)(`moving signatures from CI to production${clients.note}`, () => {
  let ci: Standalone;
  let production: Standalone;
  let digest: string;
  let signature: string;
  let root: string;

  beforeAll(async () => {
    ci = await startStandalone({ HALLMARK_ANONYMOUS_PUSH: 'true' });
    production = await startStandalone({ HALLMARK_ANONYMOUS_PUSH: 'true' });
    const chain = await issueChain({ key: 4096 });
    root = chain.root.pem;
    await stage.write('work/leaf.key', chain.leaf.privateKeyPem);
    await stage.write('work/chain.crt', chain.pem);
    await stage.write('work/root.crt', root);
    await stage.write('home/.config/notation/trustpolicy.json', notationPolicy(['*'], 'moving'));
    await stage.sh(`install -D '${join(import.meta.dirname, 'external-signer.sh')}' \
      "$XDG_CONFIG_HOME/notation/plugins/external-signer/notation-external-signer"
      notation cert add --type ca --store moving root.crt`);
  });
  afterAll(async () => {
    await ci?.stop();
    await production?.stop();
  });

  const image = (at: Standalone) => `${at.host}/busybox@${digest}`;
  const referrers = async (at: Standalone, query = '') => {
    const answer = await fetch(`${at.url}/v2/busybox/referrers/${digest}${query}`);
    return { answer, manifests: ((await answer.json()) as Json)['manifests'] as unknown as Json[] };
  };
  const repository = async (at: Standalone, name: string) =>
    ((await at.call('GET', `repositories/?name=${name}`)).body['results'] as unknown as Json[])[0]!;

  it('000-4 an image of 527 bytes that docker pushes (its requests replayed by curl) is served byte for byte', async () => {
    const pushed = await stage.sh(
      `docker pull busybox:${TAG}; docker tag busybox:${TAG} ${ci.host}/busybox:${TAG}; docker push ${ci.host}/busybox:${TAG}`,
    );
    digest = /sha256:[0-9a-f]{64}/.exec(pushed)![0];
    const served = await fetch(`${ci.url}/v2/busybox/manifests/${digest}`);
    const bytes = Buffer.from(await served.arrayBuffer());
    expect(served.headers.get('content-type')).toBe(DOCKER);
    expect([bytes.length, sha(bytes)]).toEqual([527, digest]);
    expect(bytes).toEqual(await stage.read(`home/docker-images/busybox:${TAG}/manifest`));
  });

  it('000-5 notation signs with a plugin (a script that has the name external-signer), and is found by API and tag', async () => {
    const said = await stage.sh(`export EXTERNAL_PRIVATE_KEY=$PWD/leaf.key EXTERNAL_CERT_CHAIN=$PWD/chain.crt
      notation sign --id any --plugin external-signer --insecure-registry ${image(ci)}`);
    expect(said).toContain(`Successfully signed ${image(ci)}`);
    const { manifests } = await referrers(ci);
    expect(manifests).toMatchObject([{ artifactType: NOTATION }]);
    signature = manifests[0]!['digest'] as string;
    const tagged = await fetch(`${ci.url}/v2/busybox/manifests/${digest.replace(':', '-')}`);
    expect(await tagged.json()).toMatchObject({ manifests: [{ digest: signature }] });
  });

  it('000-6 the referrers API lists it with its annotations', async () => {
    const { answer, manifests } = await referrers(ci);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'application/vnd.oci.image.index.v1+json',
    ]);
    expect(manifests).toHaveLength(1);
    const { annotations } = manifests[0] as unknown as { annotations: Record<string, string> };
    expect(JSON.parse(annotations['io.cncf.notary.x509chain.thumbprint#S256']!)).toHaveLength(2);
  });

  it('000-7 oras copies image and signature into a layout', async () => {
    await stage.sh(`oras cp --recursive --from-plain-http ${image(ci)} --to-oci-layout busybox:${TAG}`);
    const index = JSON.parse((await stage.read('work/busybox/index.json')).toString()) as { manifests: Json[] };
    const named = index.manifests.filter((entry) => entry['annotations']?.['org.opencontainers.image.ref.name']);
    expect(named).toMatchObject([{ digest, annotations: { 'org.opencontainers.image.ref.name': TAG } }]);
    expect(index.manifests.map((entry) => entry['digest'])).toContain(signature);
    expect(existsSync(stage.path('work/busybox/oci-layout'))).toBe(true);
    expect((await stage.sh('find busybox/blobs -type f')).trim().split('\n').length).toBeGreaterThanOrEqual(6);
  });

  it('000-8 tar puts the name of the folder before every member', async () => {
    const members = await stage.sh('tar -cf busybox.tar busybox; tar -tf busybox.tar');
    expect(members.trim().split('\n')).toSatisfy((all: string[]) => all.every((name) => name.startsWith('busybox/')));
  });

  it('000-9 the tarball is imported with its image and its signature', async () => {
    const said = await production.hallmark(['import', 'carried', stage.path('work/busybox.tar'), '--json'], account());
    expect(said).toMatchObject({ code: 0 });
    expect((JSON.parse(said.stdout) as Json)['result']).toMatchObject({ tags: 1, images: 1, signatures: 1 });
    const version = (await repository(production, 'carried'))['latest_version_href'] as string;
    expect((await production.call('GET', version)).body['content_summary']!['present']).toMatchObject({
      'container.signature': { count: 1 },
      'container.tag': { count: 1 },
    });
    expect(await stage.sh(`notation verify --insecure-registry ${production.host}/carried@${digest}`)).toContain(
      'Successfully verified',
    );
  });

  it('000-10 oras pushes the unpacked layout into production, and the digest stays', async () => {
    const said = await stage.sh(`mkdir prod; cd prod; tar -xf ../busybox.tar
      oras cp --recursive --from-oci-layout busybox:${TAG} --to-plain-http ${production.host}/busybox:${TAG}`);
    expect(said).toContain(`Copied [oci-layout] busybox:${TAG} => [registry] ${production.host}/busybox:${TAG}`);
    expect(said).toContain(`Digest: ${digest}`);
  });

  it('000-11 notation verifies in production, and not with another root', async () => {
    const verify = `notation verify --insecure-registry ${image(production)}`;
    expect(await stage.sh(verify)).toContain(`Successfully verified signature for ${image(production)}`);
    await stage.write('home/.config/notation/trustpolicy.json', notationPolicy(['*'], 'other'));
    await stage.write('work/other.crt', (await issue({ ca: true })).pem);
    await stage.sh('notation cert add --type ca --store other other.crt');
    expect(await stage.attempt(verify)).not.toMatchObject({ code: 0 });
    await stage.write('home/.config/notation/trustpolicy.json', notationPolicy(['*'], 'moving'));
  });

  it('000-12 notation inspects in production; without tag or digest it asks for one', async () => {
    const tree = await stage.sh(`notation inspect --insecure-registry ${image(production)}`);
    for (const fact of [
      image(production),
      signature,
      'media type: application/jose+json',
      'signature algorithm: RSASSA-PSS-SHA-512',
      'signingScheme: notary.x509',
      'signingTime: ',
      '(empty)',
      /signingAgent: .*external-signer\/v?0\.1\.0/,
      `media type: ${DOCKER}`,
      `digest: ${digest}`,
      'size: 527',
    ])
      expect(tree).toMatch(fact);
    for (const fact of ['SHA256 fingerprint: ', 'issued to: ', 'issued by: ', 'expiry: '])
      expect(tree.split(fact)).toHaveLength(3);
    const nameless = await stage.attempt(`notation inspect --insecure-registry ${production.host}/busybox`);
    expect(nameless.code).not.toBe(0);
    expect(nameless.stderr).toContain('no tag or digest');
  });

  const judge = async (level = 'strict') => {
    const trust = {
      trust_stores: { 'ca:moving': [root] },
      notation_trust_policy: notationPolicy(['*'], 'moving', level),
    };
    return (await production.call('POST', 'verify/', { reference: image(production), trust })).body;
  };

  it('000-13 the server says the same facts, and the outcome of each check', async () => {
    const report = await judge();
    expect(report).toMatchObject({ verified: true, subject: { digest, mediaType: DOCKER, size: 527 } });
    const found = report['signatures']![0]!;
    expect(found).toMatchObject({ format: 'notation', scheme: 'notation:jws', verified: true });
    const checks = Object.fromEntries(
      (found['checks'] as unknown as Json[]).map((check) => [check['name'], check['result']]),
    );
    expect(checks).toMatchObject({
      integrity: 'pass',
      authenticity: 'pass',
      expiry: expect.stringMatching(/pass|not_applicable/) as string,
      authenticTimestamp: 'pass',
      revocation: expect.stringMatching(/pass|not_applicable/) as string,
    });
    const told = JSON.stringify(found);
    for (const fact of ['RSASSA-PSS-SHA-512', 'notary.x509', 'external-signer', 'Test Root'])
      expect(told).toContain(fact);
  });

  it('000-14 the signature has the same digest in both registries', async () => {
    expect((await referrers(production)).manifests.map((entry) => entry['digest'])).toEqual([signature]);
    const bytes = async (at: Standalone) => (await fetch(`${at.url}/v2/busybox/manifests/${signature}`)).text();
    expect(await bytes(production)).toBe(await bytes(ci));
  });

  it('000-15 an expired certificate fails at the timestamp under strict, and is only named under permissive', async () => {
    const expired = await issueChain({ key: 2048, notAfter: new Date('2025-03-21T06:54:23Z') });
    const { formatOf } = await import('#signing/formats/all.js');
    const key = { privateKey: expired.leaf.privateKeyPem, certificates: expired.pem, shape: 'jws' } as const;
    const signer = await formatOf('notation').openSigner(key);
    const bytes = await stage.read(`home/docker-images/busybox:${TAG}/manifest`);
    const manifest = { mediaType: DOCKER, digest, size: bytes.length, bytes };
    const content = Buffer.from(await signer.sign(manifest, '', new Date('2025-02-01T00:00:00Z'))).toString('base64');
    const under = async (level: string) => {
      const trust = {
        certificates: [expired.root.pem],
        notation_trust_policy: notationPolicy(['*'], 'moving', level),
        scope: 'x/y',
      };
      const body = { manifest: bytes.toString('base64'), signatures: [{ format: 'notation', content }], trust };
      const [found] = (await production.call('POST', 'verify/', body)).body['signatures'] as unknown as Json[];
      return found!;
    };
    const strict = await under('strict');
    expect(strict['verified']).toBe(false);
    expect(strict['checks']).toContainEqual(
      expect.objectContaining({ name: 'authenticTimestamp', action: 'enforce', result: 'fail' }),
    );
    const permissive = await under('permissive');
    expect(permissive['verified']).toBe(true);
    expect(permissive['checks']).toContainEqual(
      expect.objectContaining({ name: 'authenticTimestamp', action: 'log', result: 'fail' }),
    );
  });

  it('000-16 an export of the CI server needs no oras there: oras reads the tar in production', async () => {
    const out = stage.path('work/export.tar');
    expect(await ci.hallmark(['export', 'busybox', out, '--tag', TAG], account())).toMatchObject({ code: 0 });
    const to = `${production.host}/exported:${TAG}`;
    const said = await stage.sh(`oras cp --recursive --from-oci-layout export.tar:${TAG} --to-plain-http ${to}`);
    expect(said).toContain(`Digest: ${digest}`);
    expect(await stage.sh(`notation list --insecure-registry ${to}`)).toContain(signature);
  });

  it('000-17 a referrers query for notation gives exactly the signature and says that it filtered', async () => {
    await stage.sh(`oras attach --plain-http --artifact-type text/sbom ${image(production)} --annotation a=b`);
    expect((await referrers(production)).manifests).toHaveLength(2);
    const { answer, manifests } = await referrers(production, `?artifactType=${encodeURIComponent(NOTATION)}`);
    expect(manifests.map((entry) => entry['digest'])).toEqual([signature]);
    expect(answer.headers.get('oci-filters-applied')).toBe('artifactType');
  });

  it('000-18 skopeo leaves the signature behind; a sync of the server brings it', async () => {
    await stage.sh(`skopeo copy --src-tls-verify=false --dest-tls-verify=false \
      docker://${ci.host}/busybox:${TAG} docker://${production.host}/by-skopeo:${TAG}`);
    const listed = await fetch(`${production.url}/v2/by-skopeo/referrers/${digest}`);
    expect(await listed.json()).toMatchObject({ manifests: [] });
    const remote = await production.call('POST', 'remotes/container/container/', {
      name: 'ci',
      url: ci.url,
      upstream_name: 'busybox',
      policy: 'immediate',
    });
    const synced = await production.call('POST', 'repositories/container/container/', { name: 'synced' });
    const href = synced.body['pulp_href'] as string;
    const task = await production.task(`${href}sync/`, { remote: remote.body['pulp_href'] });
    expect(task).toMatchObject({ state: 'completed', error: null });
    const version = (await repository(production, 'synced'))['latest_version_href'] as string;
    expect((await production.call('GET', version)).body['content_summary']!['present']).toMatchObject({
      'container.signature': { count: 1 },
    });
  });
});
