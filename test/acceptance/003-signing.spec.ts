// Signing services, the sign task and the extension API, typed as the documentation of Pulp has them. httpie is replaced by
// a script over curl. The same job is walked in test/main-path/main-path.spec.ts; every refusal of a script and every kind of
// key are tested in test/signing.
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, PASSWORD, startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { SCRIPT } from '../main-path/workshop.js';
import { openStage, type Stage } from './stage.js';

const clients = needing('podman', 'skopeo', 'gpg', 'curl', 'jq');
const sha = (bytes: Uint8Array | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const OCI = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const GPG = `gpg --batch --no-tty --pinentry-mode loopback`;

describe.skipIf(clients.skip)(`signing as the documentation has it${clients.note}`, () => {
  let hallmark: Standalone;
  let stage: Stage;
  let key: string;
  let service: string;
  let pushed: string;
  let synced: string;

  beforeAll(async () => {
    stage = await openStage({ http: join(import.meta.dirname, 'httpie.sh') }, { HTTP_ACCOUNT: `admin:${PASSWORD}` });
    hallmark = await startStandalone({ GNUPGHOME: stage.env['GNUPGHOME']! });
    key = await makeKey('username@email.com');
    await stage.sh(`podman login --tls-verify=false -u admin -p '${PASSWORD}' ${hallmark.host}
      for name in one two; do echo $name > content; tar -cf $name.tar content; podman import -q $name.tar localhost/$name; done`);
  });
  afterAll(async () => {
    await hallmark?.stop();
    await stage?.close();
  });

  async function makeKey(name: string, passphrase = ''): Promise<string> {
    await stage.sh(`${GPG} --passphrase '${passphrase}' --quick-generate-key ${name} rsa2048 sign never
      gpg --batch --armor --export ${name} > ${name}.asc`);
    return (
      await stage.sh(`gpg --batch --with-colons --list-keys ${name} | sed -n 's/^fpr:*\\([0-9A-F]*\\).*/\\1/p'`)
    ).trim();
  }
  const http = async (words: string) =>
    JSON.parse(await stage.sh(`http ${words.replaceAll('URL/', `${hallmark.url}/`)}`)) as Json;
  const refused = async (words: string) => {
    const { code, stdout } = await stage.attempt(`http ${words.replaceAll('URL/', `${hallmark.url}/`)}`);
    return { code, body: JSON.parse(stdout) as Json };
  };
  const api = (href: string) => `URL${href}`;
  const script = async (name: string, text: string, mode = '755') => {
    const path = await stage.write(`work/${name}`, text);
    await stage.sh(`chmod ${mode} ${name}`);
    return path;
  };
  const add = (name: string, path: string, keyId: string) =>
    hallmark.hallmark(['add-signing-service', name, path, keyId, '--class', 'container:ManifestSigningService'], {
      GNUPGHOME: stage.env['GNUPGHOME']!,
      PATH: stage.env['PATH']!,
    });
  const results = (page: Json) => page['results'] as unknown as Json[];
  async function finished(started: Json): Promise<Json> {
    for (;;) {
      const task = await http(`GET ${api(started['task'] as string)}`);
      if (['completed', 'failed', 'canceled'].includes(task['state'] as string)) return task;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  const latest = async (href: string) =>
    http(`GET ${api((await http(`GET ${api(href)}`))['latest_version_href'] as string)}`);
  const signaturesOf = async (version: Json) =>
    results(
      await http(
        `GET "URL/pulp/api/v3/content/container/signatures/?repository_version=${version['pulp_href'] as string}"`,
      ),
    );

  it('003-1 the script of the documentation is added by a key id of 16 digits', async () => {
    const path = await script('bash-script.sh', SCRIPT);
    const added = await add('signing-service-test', path, key.slice(-16));
    expect(added.stderr + added.stdout).toContain(
      `Successfully added signing service signing-service-test for key ${key}.`,
    );
  });

  it('003-2 a script that does not sign rightly is refused with a reason, and nothing is stored', async () => {
    const answer = 'echo "{\\"signature_path\\": \\"$SIG_PATH\\"}"';
    const bash = '#!/usr/bin/env bash\n';
    const other = `${bash}echo other | ${GPG} --passphrase '' -u $PULP_SIGNING_KEY_FINGERPRINT -s -o $SIG_PATH\n${answer}\n`;
    for (const [name, text, mode, reason] of [
      ['exits', `${bash}echo the token is locked >&2; exit 3\n`, '755', 'the token is locked'],
      ['silent', `${bash}true\n`, '755', 'JSON'],
      ['wrong', other, '755', ''],
      ['no-shebang', SCRIPT.replace(/^.*\n/, ''), '755', '#!'],
      ['not-executable', SCRIPT, '644', 'executable'],
    ] as const) {
      const ended = await add(name, await script(`${name}.sh`, text, mode), key);
      expect([name, ended.code]).toEqual([name, 1]);
      expect(ended.stderr).toContain(reason);
    }
    expect((await http('GET URL/pulp/api/v3/signing-services/'))['count']).toBe(1);
  });

  it('003-3 a key with a password signs by way of --passphrase-file', async () => {
    const locked = await makeKey('locked@example.com', 'secret words');
    await stage.write('work/password.txt', 'secret words\n');
    const text = SCRIPT.replace(
      '$FINGEPRINT --output',
      `$FINGEPRINT --passphrase-file ${stage.path('work/password.txt')} --output`,
    );
    // What an agent remembers would do in place of the file.
    const forget = () => stage.sh('gpgconf --kill gpg-agent');
    await stage.write('work/wrong.txt', 'other words\n');
    const wrong = text.replace('password.txt', 'wrong.txt');
    await forget();
    expect(await add('wrong', await script('wrong.sh', wrong), locked)).toMatchObject({ code: 1 });
    await forget();
    expect(await add('locked', await script('locked.sh', text), locked)).toMatchObject({ code: 0 });
  });

  it('003-4 the service is read over REST', async () => {
    const [row] = results(await http('GET "URL/pulp/api/v3/signing-services/?name=signing-service-test"'));
    service = row!['pulp_href'] as string;
    const read = await http(`GET ${api(service)}`);
    expect(read).toMatchObject({
      name: 'signing-service-test',
      pubkey_fingerprint: key,
      script: stage.path('work/bash-script.sh'),
      pulp_href: expect.stringMatching(/^\/pulp\/api\/v3\/signing-services\/[0-9a-f-]{36}\/$/) as string,
    });
    expect(read['public_key']).toMatch(/^-----BEGIN PGP PUBLIC KEY BLOCK-----/);
    expect(read['pulp_created']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('003-5 a pushed image is in a push repository', async () => {
    await stage.sh(`podman push -q --tls-verify=false localhost/one ${hallmark.host}/test/minio:latest`);
    const page = await http('GET URL/pulp/api/v3/repositories/container/container-push/');
    expect(page).toMatchObject({ count: 1, next: null, previous: null });
    const [row] = results(page);
    pushed = row!['pulp_href'] as string;
    expect(row).toMatchObject({
      description: null,
      latest_version_href: `${pushed}versions/1/`,
      manifest_signing_service: null,
      name: 'test/minio',
      pulp_labels: {},
      retain_repo_versions: null,
      versions_href: `${pushed}versions/`,
    });
  });

  let task: Json;
  it('003-6 the sign call starts a task', async () => {
    const started = await http(`${api(`${pushed}sign/`)} manifest_signing_service=${service}`);
    expect(started).toEqual({ task: expect.stringMatching(/^\/pulp\/api\/v3\/tasks\/[0-9a-f-]{36}\/$/) as string });
    task = await finished(started);
  });

  it('003-8 the task ends with the new version', async () => {
    expect(task).toMatchObject({
      child_tasks: [],
      created_resources: [`${pushed}versions/2/`],
      error: null,
      parent_task: null,
      state: 'completed',
      task_group: null,
    });
    expect(task['name']).toMatch(/\.tasks\.sign\.sign$/);
    expect(JSON.stringify(task['reserved_resources_record'])).toContain(pushed);
    for (const time of ['pulp_created', 'started_at', 'finished_at']) expect(task[time]).toMatch(/Z$/);
  });

  it('003-9 the version says that a signature came', async () => {
    const href = `${pushed}versions/2/`;
    const content = '/pulp/api/v3/content/container';
    const version = await http(`GET ${api(href)}`);
    expect(version).toMatchObject({ base_version: null, number: 2, pulp_href: href, repository: pushed });
    expect(version['content_summary']).toMatchObject({
      added: {
        'container.signature': { count: 1, href: `${content}/signatures/?repository_version_added=${href}` },
      },
      present: {
        'container.blob': { count: 2, href: `${content}/blobs/?repository_version=${href}` },
        'container.manifest': { count: 1, href: `${content}/manifests/?repository_version=${href}` },
        'container.signature': { count: 1, href: `${content}/signatures/?repository_version=${href}` },
        'container.tag': { count: 1, href: `${content}/tags/?repository_version=${href}` },
      },
      removed: {},
    });
  });

  it('003-10 the signature is read over REST', async () => {
    const [row, more] = await signaturesOf(await latest(pushed));
    expect(more).toBeUndefined();
    const manifest = await http(`GET ${api(row!['signed_manifest'] as string)}`);
    expect(row).toMatchObject({
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      key_id: key.slice(-16),
      name: `${manifest['digest'] as string}@${(row!['digest'] as string).slice(7, 39)}`,
      type: 'atomic',
    });
    expect(row!['creator']).toMatch(/^atomic /);
    expect(row!['timestamp']).toBeGreaterThan(Date.now() / 1000 - 600);
    expect(row!['pulp_href']).toMatch(/^\/pulp\/api\/v3\/content\/container\/signatures\/[0-9a-f-]{36}\/$/);
  });

  it('003-7 a repository that names its service is signed without a word; without any it is refused', async () => {
    const nameless = await refused(`POST ${api(`${pushed}sign/`)} < /dev/null`);
    expect(nameless.code).toBe(4);
    expect(nameless.body['manifest_signing_service']).toBeDefined();
    const patched = await http(`PATCH ${api(pushed)} manifest_signing_service=${service}`);
    if (patched['task']) expect(await finished(patched)).toMatchObject({ state: 'completed' });
    expect(await finished(await http(`POST ${api(`${pushed}sign/`)}`))).toMatchObject({ state: 'completed' });
  });

  it('003-22 signing again skips what has a valid signature; by force one is added', async () => {
    const count = async () => (await signaturesOf(await latest(pushed))).length;
    expect(await count()).toBe(1);
    // Timestamps have whole seconds.
    await new Promise((done) => setTimeout(done, 1100));
    expect(await finished(await http(`${api(`${pushed}sign/`)} force:=true`))).toMatchObject({ state: 'completed' });
    expect(await count()).toBe(2);
  });

  const call = (method: string, path: string, body?: string | Buffer, type = 'application/octet-stream') =>
    fetch(new URL(path, hallmark.url), {
      method,
      headers: { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}`, 'content-type': type },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    });
  /** Pushes blobs and an image of them. */
  async function pushImage(name: string, layers: number, tag?: string) {
    const blobs = [];
    for (const bytes of [
      Buffer.from(JSON.stringify({ made: randomBytes(8).toString('hex') })),
      ...Array.from({ length: layers }, () => randomBytes(100)),
    ]) {
      const location = (await call('POST', `/v2/${name}/blobs/uploads/`)).headers.get('location')!;
      expect((await call('PUT', `${location}&digest=${sha(bytes)}`, bytes)).status).toBe(201);
      blobs.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha(bytes), size: bytes.length });
    }
    const config = { ...blobs[0]!, mediaType: 'application/vnd.oci.image.config.v1+json' };
    return pushManifest(name, { schemaVersion: 2, mediaType: OCI, config, layers: blobs.slice(1) }, tag);
  }
  async function pushManifest(
    name: string,
    document: { readonly mediaType: string; readonly [member: string]: unknown },
    tag?: string,
  ) {
    const bytes = JSON.stringify(document);
    const answer = await call('PUT', `/v2/${name}/manifests/${tag ?? sha(bytes)}`, bytes, document.mediaType);
    expect(answer.status).toBe(201);
    return { mediaType: document.mediaType, digest: sha(bytes), size: bytes.length };
  }
  async function mirror(upstream: string, name: string): Promise<string> {
    const fields = `name=${name} url=${hallmark.url} upstream_name=${upstream} policy=immediate username=admin password='${PASSWORD}'`;
    const remote = await http(`URL/pulp/api/v3/remotes/container/container/ ${fields}`);
    const made = await http(`URL/pulp/api/v3/repositories/container/container/ name=${name}`);
    const href = made['pulp_href'] as string;
    const ended = await finished(await http(`${api(`${href}sync/`)} remote=${remote['pulp_href'] as string}`));
    expect(ended).toMatchObject({ state: 'completed', error: null });
    return href;
  }

  it('003-11 5 mirrored manifests with 2 tags get 4 signatures, and all manifests stay', async () => {
    const listed = [];
    for (const layers of [1, 1, 1]) listed.push(await pushImage('upstream/busybox', layers));
    const platforms = ['amd64', 'arm64', 's390x'].map((architecture) => ({ os: 'linux', architecture }));
    const manifests = listed.map((each, at) => ({ ...each, platform: platforms[at] }));
    await pushManifest('upstream/busybox', { schemaVersion: 2, mediaType: INDEX, manifests }, 'latest');
    await pushImage('upstream/busybox', 2, 'plain');
    synced = await mirror('upstream/busybox', 'busybox');
    const before = await latest(synced);
    expect(before['content_summary']!['present']).toMatchObject({
      'container.blob': { count: 9 },
      'container.manifest': { count: 5 },
      'container.tag': { count: 2 },
    });
    const started = await http(
      `${api(`${synced}sign/`)} manifest_signing_service=${service} future_base_path=library/busybox`,
    );
    expect(await finished(started)).toMatchObject({ state: 'completed', created_resources: [`${synced}versions/2/`] });
    const { added, present, removed } = (await latest(synced))['content_summary'] as unknown as Record<string, object>;
    expect(added).toEqual({
      'container.signature': {
        count: 4,
        href: `/pulp/api/v3/content/container/signatures/?repository_version_added=${synced}versions/2/`,
      },
    });
    expect(present).toMatchObject({
      'container.blob': { count: 9 },
      'container.manifest': { count: 5 },
      'container.signature': { count: 4 },
      'container.tag': { count: 2 },
    });
    expect(removed).toEqual({});
  });

  it('003-12 a mirror that is not served anywhere needs the future path; one that is served takes its own', async () => {
    const sign = `${api(`${synced}sign/`)} manifest_signing_service=${service}`;
    const missingPath = await refused(sign);
    expect([missingPath.code, missingPath.body['future_base_path']]).toEqual([4, expect.anything()]);
    const distribution = `name=busybox base_path=library/busybox repository=${synced}`;
    await finished(await http(`URL/pulp/api/v3/distributions/container/container/ ${distribution}`));
    for (const words of [sign, `${sign} future_base_path=library/busybox`])
      expect(await finished(await http(words))).toMatchObject({ state: 'completed' });
  });

  it('003-13 the payload names host, path and tag', async () => {
    for (const row of await signaturesOf(await latest(synced))) {
      const manifest = await http(`GET ${api(row['signed_manifest'] as string)}`);
      const url = `${hallmark.url}/extensions/v2/library/busybox/signatures/${manifest['digest'] as string}`;
      const payload = await stage.sh(
        `http GET ${url} | jq -r '.signatures[0].content' | base64 -d | gpg -d 2>/dev/null`,
      );
      const { critical } = JSON.parse(payload) as Json;
      expect(critical!['image']!['docker-manifest-digest']).toBe(manifest['digest']);
      expect(critical!['identity']!['docker-reference']).toMatch(
        new RegExp(`^${hallmark.host}/library/busybox:(latest|plain)$`),
      );
    }
  });

  it('003-14 signatures that were mirrored stay beside new ones', async () => {
    const href = await mirror('library/busybox', 'again');
    expect(await signaturesOf(await latest(href))).toHaveLength(4);
    const started = await http(`${api(`${href}sign/`)} manifest_signing_service=${service} future_base_path=again`);
    expect(await finished(started)).toMatchObject({ state: 'completed' });
    expect(await signaturesOf(await latest(href))).toHaveLength(8);
  });

  it('003-15 only the tags of tags_list are signed, and an unknown one is refused', async () => {
    const href = await mirror('upstream/busybox', 'some');
    const sign = `${api(`${href}sign/`)} manifest_signing_service=${service} future_base_path=some`;
    expect((await refused(`${sign} tags_list:='["nothing"]'`)).code).toBe(4);
    expect(await finished(await http(`${sign} tags_list:='["plain"]'`))).toMatchObject({ state: 'completed' });
    expect(await signaturesOf(await latest(href))).toHaveLength(1);
  });

  it('003-16 lists themselves are signed only when that is asked for', async () => {
    const list = (await call('GET', '/v2/library/busybox/manifests/latest')).headers.get('docker-content-digest')!;
    const read = () => http(`GET URL/extensions/v2/library/busybox/signatures/${list}`);
    expect(await read()).toEqual({ signatures: [] });
    const sign = `${api(`${synced}sign/`)} manifest_signing_service=${service} sign_lists:=true`;
    expect(await finished(await http(sign))).toMatchObject({ state: 'completed' });
    expect((await read())['signatures']).toHaveLength(1);
  });

  it('003-17 the extension API gives the signatures of a manifest, or an empty list', async () => {
    const digest = (await call('GET', '/v2/test/minio/manifests/latest')).headers.get('docker-content-digest')!;
    const { signatures } = (await http(`GET URL/extensions/v2/test/minio/signatures/${digest}`)) as unknown as {
      signatures: Json[];
    };
    expect(signatures).toHaveLength(2);
    expect(signatures[0]).toEqual({
      schemaVersion: 2,
      type: 'atomic',
      name: expect.stringMatching(new RegExp(`^${digest}@[0-9a-f]{32}$`)) as string,
      content: expect.any(String) as string,
    });
    const bare = await pushImage('test/bare', 1, 'latest');
    expect(await http(`GET URL/extensions/v2/test/bare/signatures/${bare.digest}`)).toEqual({ signatures: [] });
  });

  it('003-18 the extension API takes a signature; nonsense and unknown manifests are refused', async () => {
    const manifest = await pushImage('test/put', 1, 'latest');
    await stage.write(
      'work/manifest',
      Buffer.from(await (await call('GET', '/v2/test/put/manifests/latest')).arrayBuffer()).toString(),
    );
    const name = `${manifest.digest}@${randomBytes(16).toString('hex')}`;
    await stage.sh(`skopeo standalone-sign manifest ${hallmark.host}/test/put:latest ${key} --output put.sig
      jq -nc --arg content "$(base64 -w 0 put.sig)" '{schemaVersion: 2, type: "atomic", name: "${name}", content: $content}' > signature.json`);
    const put = (digest: string, file: string) =>
      stage.sh(`curl -s -o /dev/null -w '%{http_code}' -u "$HTTP_ACCOUNT" -X PUT --data-binary @${file} \
        ${hallmark.url}/extensions/v2/test/put/signatures/${digest}`);
    await stage.sh(`http PUT ${hallmark.url}/extensions/v2/test/put/signatures/${manifest.digest} < signature.json`);
    expect((await http(`GET URL/extensions/v2/test/put/signatures/${manifest.digest}`))['signatures']).toHaveLength(1);
    expect(await put(manifest.digest, 'signature.json')).toMatch(/^20[01]$/);
    expect(await put(sha('unknown'), 'signature.json')).toBe('404');
    await stage.write('work/bad.json', { schemaVersion: 2, type: 'atomic', name, content: 'bm9uc2Vuc2U=' });
    expect(await put(manifest.digest, 'bad.json')).toBe('400');
  });

  const pull = async (reference: string, asc: string) => {
    const signedBy = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: stage.path(`work/${asc}`) }];
    const policy = { default: [{ type: 'reject' }], transports: { docker: { [hallmark.host]: signedBy } } };
    const path = await stage.write('work/policy.json', policy);
    return stage.attempt(`podman pull -q --tls-verify=false --signature-policy ${path} ${hallmark.host}/${reference}`);
  };

  it('003-19 podman accepts the signed image by this key, and neither by another key nor an unsigned image', async () => {
    expect(await pull('test/minio:latest', 'username@email.com.asc')).toMatchObject({ code: 0 });
    expect(await pull('test/minio:latest', 'locked@example.com.asc')).not.toMatchObject({ code: 0 });
    const unsigned = await pull('test/bare:latest', 'username@email.com.asc');
    expect(unsigned.stderr).toContain('A signature was required, but no signature exists');
  });

  it('003-20 podman push --sign-by stores image and signature on the server', async () => {
    await stage.sh(
      `podman push --tls-verify=false --sign-by username@email.com localhost/two ${hallmark.host}/test/signed`,
    );
    expect((await stage.sh('ls ../lookaside')).trim()).toBe('');
    expect(await pull('test/signed:latest', 'username@email.com.asc')).toMatchObject({ code: 0 });
  });

  it('003-21 the registry says that it keeps signatures', async () => {
    for (const answer of [await fetch(`${hallmark.url}/v2/`), await call('GET', '/v2/')])
      expect(answer.headers.get('x-registry-supports-signatures')).toBe('1');
  });
});
