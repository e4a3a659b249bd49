// Cosign signatures pushed, verified, mirrored and made by the server. podman is podman 5, which is built with sigstore.
// Mirrors of other registries with cosign signatures are tested in test/transfer/sync-families.spec.ts.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, PASSWORD, startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { openStage, ROOT, type Stage } from './stage.js';

const clients = needing('cosignv2', 'cosignv3', 'podman', 'podman5', 'gpg');
const NAME = 'ipanova/cosign-test';
const OFFLINE = '--tlog-upload=false --allow-http-registry -y';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const account = { HALLMARK_PASSWORD: PASSWORD, HALLMARK_USER: 'admin' };

describe.skipIf(clients.skip)(`cosign signatures${clients.note}`, () => {
  let hallmark: Standalone;
  let stage: Stage;
  let digest: string;

  beforeAll(async () => {
    stage = await openStage({ cosign: 'cosignv2', cosign3: 'cosignv3' });
    hallmark = await startStandalone({ HALLMARK_ANONYMOUS_PUSH: 'true', GNUPGHOME: stage.env['GNUPGHOME']! });
    await stage.sh(`for name in one two; do
        echo $name > content; tar -cf $name.tar content; podman5 import -q $name.tar localhost/$name:latest
      done
      podman5 push -q --remove-signatures --tls-verify=false localhost/one ${hallmark.host}/${NAME}:latest`);
    digest = await digestOf('latest');
  });
  afterAll(async () => {
    await hallmark?.stop();
    await stage?.close();
  });

  const reference = (tag = 'latest', name = NAME) => `${hallmark.host}/${name}:${tag}`;
  const get = (name: string, path: string) => fetch(`${hallmark.url}/v2/${name}/${path}`);
  const companion = (of: string, suffix = 'sig') => `${of.replace(':', '-')}.${suffix}`;
  const tagsOf = async (name: string) => ((await (await get(name, 'tags/list')).json()) as { tags: string[] }).tags;
  async function digestOf(tag: string, name = NAME): Promise<string> {
    return (await get(name, `manifests/${tag}`)).headers.get('docker-content-digest')!;
  }
  async function latestOf(name: string): Promise<Json> {
    const { body } = await hallmark.call('GET', `repositories/?name=${name}`);
    const href = (body['results'] as unknown as Json[])[0]!['latest_version_href'] as string;
    return (await hallmark.call('GET', href)).body;
  }
  const attachments = (allowed: boolean) =>
    stage.write(
      'home/.config/containers/registries.d/hallmark.yaml',
      `docker:\n  ${hallmark.host}:\n    use-sigstore-attachments: ${allowed}\n`,
    );
  const policy = (key: string, identity: object = { type: 'matchRepository' }) =>
    stage.write('home/.config/containers/policy.json', {
      default: [{ type: 'insecureAcceptAnything' }],
      transports: {
        docker: {
          [hallmark.host]: [{ type: 'sigstoreSigned', keyPath: stage.path(`work/${key}`), signedIdentity: identity }],
        },
      },
    });
  const pull = (ref: string) => stage.attempt(`podman5 pull -q --tls-verify=false ${ref}`);

  it('004-3 cosign makes a key pair on P-256', async () => {
    await stage.sh('cosign generate-key-pair; cosign generate-key-pair --output-key-prefix other');
    expect(await stage.sh('openssl pkey -pubin -in cosign.pub -noout -text')).toContain('NIST CURVE: P-256');
  });

  it('004-4 cosign 2 signs under a tag of the digest, cosign 3 as a bundle among the referrers', async () => {
    await stage.sh(`cosign sign --key cosign.key ${OFFLINE} ${reference()}`);
    expect(await tagsOf(NAME)).toEqual(['latest', companion(digest)]);
    const manifest = (await (await get(NAME, `manifests/${companion(digest)}`)).json()) as Json;
    expect(manifest['layers']).toMatchObject([
      {
        mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        annotations: { 'dev.cosignproject.cosign/signature': expect.any(String) as string },
      },
    ]);
    await stage.sh(`podman5 push -q --remove-signatures --tls-verify=false localhost/two ${reference('v3', 'ipanova/bundles')}
      cosign3 sign --key cosign.key --use-signing-config=false ${OFFLINE} ${reference('v3', 'ipanova/bundles')}`);
    const listed = await get('ipanova/bundles', `referrers/${await digestOf('v3', 'ipanova/bundles')}`);
    expect(await listed.json()).toMatchObject({
      manifests: [{ artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }],
    });
    for (const name of [NAME, 'ipanova/bundles'])
      expect((await latestOf(name))['content_summary']!['present']).toMatchObject({
        'container.signature': { count: 1 },
      });
  });

  it('004-8 cosign verifies, with this key and no other', async () => {
    const verify = (key: string) =>
      `cosign verify --key ${key} --insecure-ignore-tlog=true --allow-http-registry ${reference()}`;
    const [payload] = JSON.parse(await stage.sh(verify('cosign.pub'))) as Json[];
    expect(payload).toMatchObject({ critical: { image: { 'docker-manifest-digest': digest } } });
    expect(await stage.attempt(verify('other.pub'))).not.toMatchObject({ code: 0 });
    await stage.write('work/root.json', '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}');
    const bundle = `cosign3 verify --insecure-ignore-tlog=true --trusted-root root.json --allow-http-registry`;
    await stage.sh(`${bundle} --key cosign.pub ${reference('v3', 'ipanova/bundles')}`);
    expect(await stage.attempt(`${bundle} --key other.pub ${reference('v3', 'ipanova/bundles')}`)).not.toMatchObject({
      code: 0,
    });
  });

  const byPodman = (tag: string) =>
    stage.attempt(
      `: > empty; podman5 push --tls-verify=false localhost/two ${reference(tag, 'ipanova/by-podman')} \
        --sign-by-sigstore-private-key cosign.key --sign-passphrase-file empty`,
    );

  it('004-6 podman does not write attachments as long as the option is off', async () => {
    await attachments(false);
    const refused = await byPodman('off');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('writing sigstore attachments is disabled by configuration');
  });

  it('004-5 podman pushes a signature that names the tag', async () => {
    await attachments(true);
    expect(await byPodman('latest')).toMatchObject({ code: 0 });
    const of = companion(await digestOf('latest', 'ipanova/by-podman'));
    const manifest = (await (await get('ipanova/by-podman', `manifests/${of}`)).json()) as Json;
    const layer = await get('ipanova/by-podman', `blobs/${manifest['layers']![0]!['digest'] as string}`);
    expect(await layer.json()).toMatchObject({
      critical: {
        identity: { 'docker-reference': reference('latest', 'ipanova/by-podman') },
        type: 'cosign container image signature',
      },
      optional: {
        creator: expect.stringMatching(/^containers\/image 5\./) as string,
        timestamp: expect.any(Number) as number,
      },
    });
    await stage.sh(`cosign verify --key cosign.pub --insecure-ignore-tlog=true --allow-http-registry \
      ${reference('latest', 'ipanova/by-podman')}`);
  });

  it('004-9 podman pulls under sigstoreSigned what cosign and podman signed, by this key only', async () => {
    await policy('cosign.pub');
    expect(await pull(reference())).toMatchObject({ code: 0 });
    expect(await pull(reference('latest', 'ipanova/by-podman'))).toMatchObject({ code: 0 });
    await policy('cosign.pub', { type: 'matchRepoDigestOrExact' });
    expect(await pull(reference('latest', 'ipanova/by-podman'))).toMatchObject({ code: 0 });
    expect(await pull(reference())).not.toMatchObject({ code: 0 });
    await policy('other.pub');
    expect(await pull(reference())).not.toMatchObject({ code: 0 });
    await stage.write('home/.config/containers/policy.json', { default: [{ type: 'insecureAcceptAnything' }] });
  });

  it('004-7 the tag of a signed list is made of the digest of the list', async () => {
    const name = 'ipanova/list';
    await stage.sh(
      `for name in one two; do podman5 push -q --remove-signatures --tls-verify=false localhost/$name ${hallmark.host}/${name}:$name; done`,
    );
    const manifests = await Promise.all(
      ['one', 'two'].map(async (tag, at) => {
        const { headers } = await get(name, `manifests/${tag}`);
        const [mediaType, size] = [headers.get('content-type'), Number(headers.get('content-length'))];
        const platform = { os: 'linux', architecture: at === 0 ? 'amd64' : 'arm64' };
        return { mediaType, digest: headers.get('docker-content-digest'), size, platform };
      }),
    );
    const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
    const url = `${hallmark.url}/v2/${name}/manifests/list`;
    expect((await fetch(url, { method: 'PUT', headers: { 'content-type': INDEX }, body })).status).toBe(201);
    await stage.sh(`cosign sign --key cosign.key ${OFFLINE} ${reference('list', name)}`);
    expect(await tagsOf(name)).toContain(companion(await digestOf('list', name)));
    expect((await tagsOf(name)).filter((tag) => tag.endsWith('.sig'))).toHaveLength(1);
  });

  it('004-10 SBOMs and attestations are hosted under their tags, and in the inventory of the version', async () => {
    await stage.write('work/sbom.json', { spdxVersion: 'SPDX-2.3' });
    await stage.sh(`cosign attach sbom --sbom sbom.json --allow-http-registry ${reference()}
      cosign attest --key cosign.key --predicate sbom.json --type spdxjson ${OFFLINE} ${reference()}
      cosign verify-attestation --key cosign.pub --type spdxjson --insecure-ignore-tlog=true --allow-http-registry ${reference()}`);
    const tags = await tagsOf(NAME);
    for (const suffix of ['sig', 'att', 'sbom']) expect(tags).toContain(companion(digest, suffix));
    const version = (await latestOf(NAME))['pulp_href'] as string;
    const listed = await hallmark.call('GET', `content/container/tags/?repository_version=${version}`);
    expect((listed.body['results'] as unknown as Json[]).map((row) => row['name']).sort()).toEqual([...tags].sort());
  });

  async function mirror(upstream: string, name: string, more: object = {}): Promise<void> {
    const remote = await hallmark.call('POST', 'remotes/container/container/', {
      name,
      url: hallmark.url,
      upstream_name: upstream,
      policy: 'immediate',
      ...more,
    });
    const repository = await hallmark.call('POST', 'repositories/container/container/', { name });
    const href = repository.body['pulp_href'] as string;
    const task = await hallmark.task(`${href}sync/`, { remote: remote.body['pulp_href'] });
    expect(task).toMatchObject({ state: 'completed', error: null });
    await hallmark.task('distributions/container/container/', { name, base_path: name, repository: href });
  }

  it('004-1 a mirror of one tag has signature, attestation and SBOM of its image, byte for byte', async () => {
    await mirror(NAME, 'mirror/one', { include_tags: ['latest'] });
    expect(await tagsOf('mirror/one')).toEqual(await tagsOf(NAME));
    for (const suffix of ['sig', 'att', 'sbom']) {
      const path = `manifests/${companion(digest, suffix)}`;
      const [theirs, ours] = [await (await get(NAME, path)).text(), await (await get('mirror/one', path)).text()];
      expect(ours).toBe(theirs);
      const { config, layers } = JSON.parse(ours) as { config: { digest: string }; layers: { digest: string }[] };
      for (const blob of [config, ...layers])
        expect(await (await get('mirror/one', `blobs/${blob.digest}`)).text()).toBe(
          await (await get(NAME, `blobs/${blob.digest}`)).text(),
        );
    }
    await stage.sh(`cosign verify --key cosign.pub --insecure-ignore-tlog=true --allow-http-registry \
      ${reference('latest', 'mirror/one')}`);
  });

  it('004-2 atomic signatures are mirrored through the extension', async () => {
    await stage.sh(`gpg --batch --pinentry-mode loopback --passphrase '' --quick-generate-key me@example.com rsa2048 sign never
      podman import -q one.tar localhost/one:latest
      podman push -q --tls-verify=false --sign-by me@example.com localhost/one ${reference('latest', 'ipanova/atomic')}`);
    await mirror('ipanova/atomic', 'mirror/atomic');
    const of = await digestOf('latest', 'mirror/atomic');
    const read = async (name: string) =>
      (await (await fetch(`${hallmark.url}/extensions/v2/${name}/signatures/${of}`)).json()) as { signatures: Json[] };
    expect((await read('mirror/atomic')).signatures).toHaveLength(1);
    expect(await read('mirror/atomic')).toEqual(await read('ipanova/atomic'));
    expect((await stage.sh('ls ../lookaside')).trim()).toBe('');
  });

  it('004-11 the server verifies with the public key, and says for each signature why not', async () => {
    const judge = async (key: string, ref = reference()) => {
      const trust = { cosign_keys: [(await stage.read(`work/${key}`)).toString()] };
      return (await hallmark.call('POST', 'verify/', { reference: ref, trust })).body;
    };
    const good = await judge('cosign.pub');
    expect(good).toMatchObject({ verified: true, subject: { digest } });
    const signature = (good['signatures'] as unknown as Json[]).find((each) => each['verified'])!;
    expect(signature).toMatchObject({ scheme: 'cosign:tag', claimed: expect.any(Object) as object });
    expect((signature['checks'] as unknown as Json[]).map((check) => check['name'])).toEqual(
      expect.arrayContaining(['digest', 'signature']),
    );
    const bad = await judge('other.pub');
    expect(bad).toMatchObject({ verified: false });
    for (const each of bad['signatures'] as unknown as Json[])
      expect((each['checks'] as unknown as Json[]).filter((check) => check['result'] === 'fail')[0]).toMatchObject({
        code: expect.any(String) as string,
      });
    expect(await judge('cosign.pub', reference('v3', 'ipanova/bundles'))).toMatchObject({ verified: true });
    const words = ['verify', reference(), '--cosign-key'];
    expect(await hallmark.hallmark([...words, stage.path('work/cosign.pub')], account)).toMatchObject({ code: 0 });
    expect(await hallmark.hallmark([...words, stage.path('work/other.pub')], account)).toMatchObject({ code: 1 });
  });

  it('004-12 the server signs with a key of cosign, by itself and by the sample script: cosign and podman accept it', async () => {
    const work = (name: string) => stage.path(`work/${name}`);
    await stage.sh(`: > cosign.pass; mkdir script
      cp '${join(ROOT, 'scripts/signing/cosign.sh')}' cosign.key script/
      for name in inside script; do podman5 push -q --remove-signatures --tls-verify=false localhost/one ${hallmark.host}/server/$name:1.0; done`);
    const add = ['--class', 'container:CosignSigningService'];
    const builtin = ['--builtin', '--private-key', work('cosign.key'), '--passphrase-file', work('cosign.pass')];
    const cosign = { PATH: stage.env['PATH']! };
    for (const words of [
      ['add-signing-service', 'inside', ...builtin, '--shape', 'tag', ...add],
      [
        'add-signing-service',
        'script',
        work('script/cosign.sh'),
        work('cosign.pub'),
        '--env',
        `COSIGN=${stage.path('bin/cosign')}`,
        ...add,
      ],
      ['sign', 'server/inside', '--service', 'inside'],
      ['sign', 'server/script', '--service', 'script'],
    ]) {
      const ended = await hallmark.hallmark(words, { ...account, ...cosign });
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
    }
    await policy('cosign.pub', { type: 'matchRepoDigestOrExact' });
    for (const name of ['server/inside', 'server/script']) {
      await stage.sh(
        `cosign verify --key cosign.pub --insecure-ignore-tlog=true --allow-http-registry ${reference('1.0', name)}`,
      );
      expect(await pull(reference('1.0', name))).toMatchObject({ code: 0 });
    }
    await policy('other.pub');
    expect(await pull(reference('1.0', 'server/inside'))).not.toMatchObject({ code: 0 });
  });
});
