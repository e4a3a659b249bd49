import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needing } from '../real-clients.js';
import { type Json, startStandalone, type Standalone } from './standalone-process.js';
import { type GpgKey, openWorkshop, REGISTRY_WORDS, SCRIPT, type Workshop } from './workshop.js';

const clients = needing('podman', 'skopeo', 'gpg');
/** The first row of a page. */
const firstOf = (page: Json): Json => (page['results'] as unknown as Json[])[0]!;

describe.skipIf(clients.skip)(`the main job${clients.note}`, () => {
  let hallmark: Standalone;
  let workshop: Workshop;
  let ours: GpgKey;
  let other: GpgKey;
  let service: string;

  beforeAll(async () => {
    workshop = await openWorkshop();
    [ours, other] = [await workshop.makeKey('ours'), await workshop.makeKey('other')];
    hallmark = await startStandalone({ GNUPGHOME: workshop.env['GNUPGHOME']! });
    await workshop.makeImage('localhost/app:1.0', 'first');
  }, 120_000);
  afterAll(async () => {
    await hallmark?.stop();
    await workshop?.close();
  });

  const image = (tag: string) => `${hallmark.host}/test/minio:${tag}`;
  const pull = async (reference: string, keyPath: string) => {
    const policy = await workshop.policy(hallmark.host, keyPath);
    return workshop.podman(['pull', '--quiet', '--signature-policy', policy, ...REGISTRY_WORDS, reference]);
  };

  it('takes an image that podman pushes into a new name', async () => {
    const pushed = await workshop.podman(['push', '--quiet', ...REGISTRY_WORDS, 'localhost/app:1.0', image('1.0')]);
    expect(pushed).toMatchObject({ code: 0 });
    const { body } = await hallmark.call('GET', 'repositories/container/container-push/');
    expect(body['count']).toBe(1);
    const repository = firstOf(body);
    expect(repository).toMatchObject({
      description: null,
      manifest_signing_service: null,
      name: 'test/minio',
      pulp_labels: {},
      retain_repo_versions: null,
    });
    const href = repository['pulp_href'] as string;
    expect(repository['versions_href']).toBe(`${href}versions/`);
    expect(repository['latest_version_href']).toBe(`${href}versions/1/`);
  });

  it('refuses to serve a policy that wants a signature before there is one', async () => {
    const refused = await pull(image('1.0'), ours.publicKey);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('A signature was required, but no signature exists');
  });

  it('registers the script of the documentation unchanged, by key id', async () => {
    const script = await workshop.script('sign.sh', SCRIPT);
    const added = await hallmark.hallmark(
      [
        'add-signing-service',
        'signing-service-test',
        script,
        ours.fingerprint.slice(-16),
        '--class',
        'container:ManifestSigningService',
      ],
      {
        GNUPGHOME: workshop.env['GNUPGHOME']!,
      },
    );
    expect(added).toMatchObject({
      code: 0,
      stdout: `Successfully added signing service signing-service-test for key ${ours.fingerprint}.\n`,
    });
    const { body } = await hallmark.call('GET', 'signing-services/?name=signing-service-test');
    const row = firstOf(body);
    expect(row).toMatchObject({ name: 'signing-service-test', pubkey_fingerprint: ours.fingerprint, script });
    expect(row['public_key']).toMatch(/^-----BEGIN PGP PUBLIC KEY BLOCK-----/);
    service = row['pulp_href'] as string;
    expect((await hallmark.call('GET', service)).body).toEqual(row);
  });

  it('signs, and task, version and signature read as documented', async () => {
    const { body: page } = await hallmark.call('GET', 'repositories/container/container-push/?name=test/minio');
    const href = firstOf(page)['pulp_href'] as string;
    const task = await hallmark.task(`${href}sign/`, { manifest_signing_service: service });
    expect(task).toMatchObject({
      name: 'pulp_container.app.tasks.sign.sign',
      state: 'completed',
      error: null,
      created_resources: [`${href}versions/2/`],
      child_tasks: [],
      parent_task: null,
      task_group: null,
      result: { signed: 1, skipped: 0, failed: [] },
    });
    expect(task['reserved_resources_record']![0]).toBe(href);
    const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
    for (const name of ['pulp_created', 'started_at', 'finished_at']) expect(task[name]).toMatch(stamp);
    expect(task['logging_cid']).toMatch(/^[0-9a-f]{32}$/);
    expect(task['pulp_href']).toMatch(/^\/pulp\/api\/v3\/tasks\/[0-9a-f-]{36}\/$/);
    expect(Array.isArray(task['progress_reports'])).toBe(true);
    expect(task).toHaveProperty('worker');
    const version = (await hallmark.call('GET', `${href}versions/2/`)).body;
    const content = '/pulp/api/v3/content/container';
    expect(version).toMatchObject({
      base_version: null,
      number: 2,
      pulp_href: `${href}versions/2/`,
      repository: href,
    });
    expect(version['content_summary']!['added']).toEqual({
      'container.signature': { count: 1, href: `${content}/signatures/?repository_version_added=${href}versions/2/` },
    });
    expect(version['content_summary']!['present']).toMatchObject({
      'container.blob': { count: 2, href: `${content}/blobs/?repository_version=${href}versions/2/` },
      'container.manifest': { count: 1 },
      'container.signature': { count: 1 },
      'container.tag': { count: 1, href: `${content}/tags/?repository_version=${href}versions/2/` },
    });
    expect(version['content_summary']!['removed']).toEqual({});
    await expectSignature(version);
  });

  async function expectSignature(version: Json): Promise<void> {
    const { body } = await hallmark.call(
      'GET',
      version['content_summary']['present']['container.signature']['href'] as string,
    );
    expect(body['count']).toBe(1);
    const signature = firstOf(body);
    const manifest = (await hallmark.call('GET', signature['signed_manifest'] as string)).body;
    expect(signature).toMatchObject({ type: 'atomic', format: 'simple', key_id: ours.fingerprint.slice(-16) });
    expect(signature['creator']).toMatch(/^atomic /);
    expect(signature['name']).toBe(`${manifest['digest'] as string}@${(signature['digest'] as string).slice(7, 39)}`);
    expect(signature['timestamp']).toBeGreaterThan(Date.now() / 1000 - 600);
  }

  it('serves the signature: our key is accepted, another one is refused', async () => {
    expect(await pull(image('1.0'), ours.publicKey)).toMatchObject({ code: 0 });
    const refused = await pull(image('1.0'), other.publicKey);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(
      /not in the list of trusted|Invalid GPG signature|signatures? .*(not|no) .*(trusted|accepted)/i,
    );
  });

  it('a signature for another tag of the same image is refused', async () => {
    const copied = await workshop.skopeo([
      'copy',
      '--remove-signatures',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      '--src-creds',
      REGISTRY_WORDS[2],
      '--dest-creds',
      REGISTRY_WORDS[2],
      `docker://${image('1.0')}`,
      `docker://${image('2.0')}`,
    ]);
    expect(copied).toMatchObject({ code: 0 });
    const refused = await pull(image('2.0'), ours.publicKey);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/Signature for identity .* is not accepted/);
  });

  it('the command signs what is left and verifies', async () => {
    const env = { HALLMARK_PASSWORD: 'main path', HALLMARK_USER: 'admin' };
    const signed = await hallmark.hallmark(['sign', 'test/minio', '--service', 'signing-service-test', '--json'], env);
    expect(signed).toMatchObject({ code: 0 });
    expect((JSON.parse(signed.stdout) as Json)['result']).toEqual({ signed: 1, skipped: 1, failed: [] });
    expect(await pull(image('2.0'), ours.publicKey)).toMatchObject({ code: 0 });
    const verified = await hallmark.hallmark(['verify', image('2.0'), '--openpgp-key', ours.publicKey], env);
    expect(verified).toMatchObject({ code: 0 });
    expect(await hallmark.hallmark(['verify', image('2.0'), '--openpgp-key', other.publicKey], env)).toMatchObject({
      code: 1,
    });
  });

  it('podman push --sign-by and skopeo copy --all --sign-by store through the extension', async () => {
    await workshop.makeImage('localhost/app:3.0', 'third');
    const pushed = await workshop.podman([
      'push',
      '--quiet',
      '--sign-by',
      ours.fingerprint,
      ...REGISTRY_WORDS,
      'localhost/app:3.0',
      image('3.0'),
    ]);
    expect(pushed).toMatchObject({ code: 0 });
    expect(await pull(image('3.0'), ours.publicKey)).toMatchObject({ code: 0 });
    await workshop.makeImage('localhost/app:4.0', 'fourth');
    expect(
      await workshop.podman(['push', '--quiet', ...REGISTRY_WORDS, 'localhost/app:4.0', image('4.0')]),
    ).toMatchObject({ code: 0 });
    await pushIndex(['3.0', '4.0'], 'both');
    const words = ['copy', '--all', '--remove-signatures', '--sign-by', ours.fingerprint];
    const credentials = [
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      '--src-creds',
      REGISTRY_WORDS[2],
      '--dest-creds',
      REGISTRY_WORDS[2],
    ];
    const list = `${hallmark.host}/test/list:1`;
    expect(
      await workshop.skopeo([...words, ...credentials, `docker://${image('both')}`, `docker://${list}`]),
    ).toMatchObject({ code: 0 });
    expect(await pull(list, ours.publicKey)).toMatchObject({ code: 0 });
    expect(await readdir(workshop.lookaside)).toEqual([]);
  });

  async function pushIndex(tags: readonly string[], name: string): Promise<void> {
    const v2 = (path: string, init: RequestInit = {}) =>
      fetch(`${hallmark.url}/v2/test/minio/manifests/${path}`, {
        ...init,
        headers: { authorization: `Basic ${btoa(REGISTRY_WORDS[2])}`, ...(init.headers as Record<string, string>) },
      });
    const manifests = await Promise.all(
      tags.map(async (tag, at) => {
        const { headers } = await v2(tag);
        const platform = { os: 'linux', architecture: at === 0 ? 'amd64' : 'arm64' };
        return {
          mediaType: headers.get('content-type'),
          digest: headers.get('docker-content-digest'),
          size: Number(headers.get('content-length')),
          platform,
        };
      }),
    );
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
    expect((await v2(name, { method: 'PUT', body, headers: { 'content-type': mediaType } })).status).toBe(201);
  }

  it('a built-in signer makes signatures that podman accepts', async () => {
    const secret = join(workshop.folder, 'other.key');
    const exported = await workshop.script(
      'export.sh',
      `#!/bin/sh\ngpg --batch --pinentry-mode loopback --passphrase '' --armor --export-secret-keys ${other.fingerprint} > ${secret}\n`,
    );
    const { run } = await import('./standalone-process.js');
    expect(await run(exported, [], workshop.env)).toMatchObject({ code: 0 });
    const added = await hallmark.hallmark(['add-signing-service', 'inside', '--builtin', '--private-key', secret]);
    expect(added).toMatchObject({ code: 0 });
    const signed = await hallmark.hallmark(['sign', 'test/minio', '--service', 'inside', '--tag', '1.0'], {
      HALLMARK_PASSWORD: 'main path',
      HALLMARK_USER: 'admin',
    });
    expect(signed).toMatchObject({ code: 0 });
    expect(await pull(image('1.0'), other.publicKey)).toMatchObject({ code: 0 });
    await writeFile(secret, '');
    const refused = await hallmark.hallmark(['check-signing-service', 'inside']);
    expect(refused.code).toBe(1);
  });
});
