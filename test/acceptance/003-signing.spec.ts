// Signing services, the sign task and the extension API, typed as the documentation of Pulp has them. httpie is replaced by
// a script over curl. The same job is walked in test/main-path/main-path.spec.ts; every refusal of a script and every kind of
// key are tested in test/signing.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, PASSWORD } from '../main-path/standalone-process.js';
import { SCRIPT } from '../main-path/workshop.js';
import { needing } from '../real-clients.js';
import { api, GPG, openSigningStage, results, SIGNING_CLIENTS, type SigningStage } from './signing-stage.js';
import { sha } from './stage.js';

const clients = needing(...SIGNING_CLIENTS);

describe.skipIf(clients.skip)(`signing as the documentation has it${clients.note}`, () => {
  let on: SigningStage;
  let service: string;
  let pushed: string;

  beforeAll(async () => {
    on = await openSigningStage();
    await on.stage.sh(`podman login --tls-verify=false -u admin -p '${PASSWORD}' ${on.hallmark.host}
      for name in one two; do echo $name > content; tar -cf $name.tar content; podman import -q $name.tar localhost/$name; done`);
  });
  afterAll(() => on?.close());

  it('003-1 the script of the documentation is added by a key id of 16 digits', async () => {
    const path = await on.script('bash-script.sh', SCRIPT);
    const added = await on.add('signing-service-test', path, on.key.slice(-16));
    expect(added.stderr + added.stdout).toContain(
      `Successfully added signing service signing-service-test for key ${on.key}.`,
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
      const ended = await on.add(name, await on.script(`${name}.sh`, text, mode), on.key);
      expect([name, ended.code]).toEqual([name, 1]);
      expect(ended.stderr).toContain(reason);
    }
    expect((await on.http('GET URL/pulp/api/v3/signing-services/'))['count']).toBe(1);
  });

  it('003-3 a key with a password signs by way of --passphrase-file', async () => {
    const locked = await on.makeKey('locked@example.com', 'secret words');
    await on.stage.write('work/password.txt', 'secret words\n');
    const text = SCRIPT.replace(
      '$FINGEPRINT --output',
      `$FINGEPRINT --passphrase-file ${on.stage.path('work/password.txt')} --output`,
    );
    // What an agent remembers would do in place of the file.
    const forget = () => on.stage.sh('gpgconf --kill gpg-agent');
    await on.stage.write('work/wrong.txt', 'other words\n');
    const wrong = text.replace('password.txt', 'wrong.txt');
    await forget();
    expect(await on.add('wrong', await on.script('wrong.sh', wrong), locked)).toMatchObject({ code: 1 });
    await forget();
    expect(await on.add('locked', await on.script('locked.sh', text), locked)).toMatchObject({ code: 0 });
  });

  it('003-4 the service is read over REST', async () => {
    const [row] = results(await on.http('GET "URL/pulp/api/v3/signing-services/?name=signing-service-test"'));
    service = row!['pulp_href'] as string;
    const read = await on.http(`GET ${api(service)}`);
    expect(read).toMatchObject({
      name: 'signing-service-test',
      pubkey_fingerprint: on.key,
      script: on.stage.path('work/bash-script.sh'),
      pulp_href: expect.stringMatching(/^\/pulp\/api\/v3\/signing-services\/[0-9a-f-]{36}\/$/) as string,
    });
    expect(read['public_key']).toMatch(/^-----BEGIN PGP PUBLIC KEY BLOCK-----/);
    expect(read['pulp_created']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('003-5 a pushed image is in a push repository', async () => {
    await on.stage.sh(`podman push -q --tls-verify=false localhost/one ${on.hallmark.host}/test/minio:latest`);
    const page = await on.http('GET URL/pulp/api/v3/repositories/container/container-push/');
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
    const started = await on.http(`${api(`${pushed}sign/`)} manifest_signing_service=${service}`);
    expect(started).toEqual({ task: expect.stringMatching(/^\/pulp\/api\/v3\/tasks\/[0-9a-f-]{36}\/$/) as string });
    task = await on.finished(started);
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
    const version = await on.http(`GET ${api(href)}`);
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
    const [row, more] = await on.signaturesOf(await on.latest(pushed));
    expect(more).toBeUndefined();
    const manifest = await on.http(`GET ${api(row!['signed_manifest'] as string)}`);
    expect(row).toMatchObject({
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      key_id: on.key.slice(-16),
      name: `${manifest['digest'] as string}@${(row!['digest'] as string).slice(7, 39)}`,
      type: 'atomic',
    });
    expect(row!['creator']).toMatch(/^atomic /);
    expect(row!['timestamp']).toBeGreaterThan(Date.now() / 1000 - 600);
    expect(row!['pulp_href']).toMatch(/^\/pulp\/api\/v3\/content\/container\/signatures\/[0-9a-f-]{36}\/$/);
  });

  it('003-7 a repository that names its service is signed without a word; without any it is refused', async () => {
    const nameless = await on.refused(`POST ${api(`${pushed}sign/`)} < /dev/null`);
    expect(nameless.code).toBe(4);
    expect(nameless.body['manifest_signing_service']).toBeDefined();
    const patched = await on.http(`PATCH ${api(pushed)} manifest_signing_service=${service}`);
    if (patched['task']) expect(await on.finished(patched)).toMatchObject({ state: 'completed' });
    expect(await on.finished(await on.http(`POST ${api(`${pushed}sign/`)}`))).toMatchObject({ state: 'completed' });
  });

  it('003-22 signing again skips what has a valid signature; by force one is added', async () => {
    const count = async () => (await on.signaturesOf(await on.latest(pushed))).length;
    expect(await count()).toBe(1);
    // Timestamps have whole seconds.
    await new Promise((done) => setTimeout(done, 1100));
    expect(await on.finished(await on.http(`${api(`${pushed}sign/`)} force:=true`))).toMatchObject({
      state: 'completed',
    });
    expect(await count()).toBe(2);
  });
  it('003-17 the extension API gives the signatures of a manifest, or an empty list', async () => {
    const digest = (await on.call('GET', '/v2/test/minio/manifests/latest')).headers.get('docker-content-digest')!;
    const { signatures } = (await on.http(`GET URL/extensions/v2/test/minio/signatures/${digest}`)) as unknown as {
      signatures: Json[];
    };
    expect(signatures).toHaveLength(2);
    expect(signatures[0]).toEqual({
      schemaVersion: 2,
      type: 'atomic',
      name: expect.stringMatching(new RegExp(`^${digest}@[0-9a-f]{32}$`)) as string,
      content: expect.any(String) as string,
    });
    const bare = await on.pushImage('test/bare', 1, 'latest');
    expect(await on.http(`GET URL/extensions/v2/test/bare/signatures/${bare.digest}`)).toEqual({ signatures: [] });
  });

  it('003-18 the extension API takes a signature; nonsense and unknown manifests are refused', async () => {
    const manifest = await on.pushImage('test/put', 1, 'latest');
    await on.stage.write(
      'work/manifest',
      Buffer.from(await (await on.call('GET', '/v2/test/put/manifests/latest')).arrayBuffer()).toString(),
    );
    const name = `${manifest.digest}@${randomBytes(16).toString('hex')}`;
    await on.stage.sh(`skopeo standalone-sign manifest ${on.hallmark.host}/test/put:latest ${on.key} --output put.sig
      jq -nc --arg content "$(base64 -w 0 put.sig)" '{schemaVersion: 2, type: "atomic", name: "${name}", content: $content}' > signature.json`);
    const put = (digest: string, file: string) =>
      on.stage.sh(`curl -s -o /dev/null -w '%{http_code}' -u "$HTTP_ACCOUNT" -X PUT --data-binary @${file} \
        ${on.hallmark.url}/extensions/v2/test/put/signatures/${digest}`);
    await on.stage.sh(
      `http PUT ${on.hallmark.url}/extensions/v2/test/put/signatures/${manifest.digest} < signature.json`,
    );
    expect((await on.http(`GET URL/extensions/v2/test/put/signatures/${manifest.digest}`))['signatures']).toHaveLength(
      1,
    );
    expect(await put(manifest.digest, 'signature.json')).toMatch(/^20[01]$/);
    expect(await put(sha('unknown'), 'signature.json')).toBe('404');
    await on.stage.write('work/bad.json', { schemaVersion: 2, type: 'atomic', name, content: 'bm9uc2Vuc2U=' });
    expect(await put(manifest.digest, 'bad.json')).toBe('400');
  });

  const pull = async (reference: string, asc: string) => {
    const signedBy = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: on.stage.path(`work/${asc}`) }];
    const policy = { default: [{ type: 'reject' }], transports: { docker: { [on.hallmark.host]: signedBy } } };
    const path = await on.stage.write('work/policy.json', policy);
    return on.stage.attempt(
      `podman pull -q --tls-verify=false --signature-policy ${path} ${on.hallmark.host}/${reference}`,
    );
  };

  it('003-19 podman accepts the signed image by this key, and neither by another key nor an unsigned image', async () => {
    expect(await pull('test/minio:latest', 'username@email.com.asc')).toMatchObject({ code: 0 });
    expect(await pull('test/minio:latest', 'locked@example.com.asc')).not.toMatchObject({ code: 0 });
    const unsigned = await pull('test/bare:latest', 'username@email.com.asc');
    expect(unsigned.stderr).toContain('A signature was required, but no signature exists');
  });

  it('003-20 podman push --sign-by stores image and signature on the server', async () => {
    await on.stage.sh(
      `podman push --tls-verify=false --sign-by username@email.com localhost/two ${on.hallmark.host}/test/signed`,
    );
    expect((await on.stage.sh('ls ../lookaside')).trim()).toBe('');
    expect(await pull('test/signed:latest', 'username@email.com.asc')).toMatchObject({ code: 0 });
  });

  it('003-21 the registry says that it keeps signatures', async () => {
    for (const answer of [await fetch(`${on.hallmark.url}/v2/`), await on.call('GET', '/v2/')])
      expect(answer.headers.get('x-registry-supports-signatures')).toBe('1');
  });
});
