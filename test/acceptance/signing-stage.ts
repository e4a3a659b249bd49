import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Json, PASSWORD, startStandalone } from '../main-path/standalone-process.js';
import { openStage, sha } from './stage.js';

/** What a `describe` of {@link openSigningStage} needs. */
export const SIGNING_CLIENTS = ['podman', 'skopeo', 'gpg', 'curl', 'jq'] as const;

/** gpg that asks nobody. */
export const GPG = `gpg --batch --no-tty --pinentry-mode loopback`;

const OCI = 'application/vnd.oci.image.manifest.v1+json';

/** An href as it is typed behind `http`. */
export const api = (href: string) => `URL${href}`;

/** The rows of a page. */
export const results = (page: Json) => page['results'] as unknown as Json[];

/** A terminal with a key of its own beside a Hallmark that signs with the keys of its gpg. */
export async function openSigningStage() {
  const stage = await openStage(
    { http: join(import.meta.dirname, 'httpie.sh') },
    { HTTP_ACCOUNT: `admin:${PASSWORD}` },
  );
  const hallmark = await startStandalone({ GNUPGHOME: stage.env['GNUPGHOME']! });
  const typed = (words: string) => `http ${words.replaceAll('URL/', `${hallmark.url}/`)}`;

  /** Types a call that must succeed; `URL` stands for the server. */
  const http = async (words: string) => JSON.parse(await stage.sh(typed(words))) as Json;
  async function makeKey(name: string, passphrase = ''): Promise<string> {
    await stage.sh(`${GPG} --passphrase '${passphrase}' --quick-generate-key ${name} rsa2048 sign never
      gpg --batch --armor --export ${name} > ${name}.asc`);
    return (
      await stage.sh(`gpg --batch --with-colons --list-keys ${name} | sed -n 's/^fpr:*\\([0-9A-F]*\\).*/\\1/p'`)
    ).trim();
  }
  /** A request of a container client. */
  const call = (method: string, path: string, body?: string | Buffer, type = 'application/octet-stream') =>
    fetch(new URL(path, hallmark.url), {
      method,
      headers: { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}`, 'content-type': type },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    });
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
  const key = await makeKey('username@email.com');
  return {
    stage,
    hallmark,
    /** Fingerprint of the key `username@email.com`. */
    key,
    http,
    makeKey,
    call,
    pushManifest,
    /** Types a call that may fail. */
    async refused(words: string) {
      const { code, stdout } = await stage.attempt(typed(words));
      return { code, body: JSON.parse(stdout) as Json };
    },
    /** Writes a script. */
    async script(name: string, text: string, mode = '755') {
      const path = await stage.write(`work/${name}`, text);
      await stage.sh(`chmod ${mode} ${name}`);
      return path;
    },
    /** Types `hallmark add-signing-service`. */
    add: (name: string, path: string, keyId: string) =>
      hallmark.hallmark(['add-signing-service', name, path, keyId, '--class', 'container:ManifestSigningService'], {
        GNUPGHOME: stage.env['GNUPGHOME']!,
        PATH: stage.env['PATH']!,
      }),
    /** Waits for the end of the task that a call started. */
    async finished(started: Json): Promise<Json> {
      for (;;) {
        const task = await http(`GET ${api(started['task'] as string)}`);
        if (['completed', 'failed', 'canceled'].includes(task['state'] as string)) return task;
        await new Promise((done) => setTimeout(done, 50));
      }
    },
    /** The newest version of a repository. */
    latest: async (href: string) =>
      http(`GET ${api((await http(`GET ${api(href)}`))['latest_version_href'] as string)}`),
    signaturesOf: async (version: Json) =>
      results(
        await http(
          `GET "URL/pulp/api/v3/content/container/signatures/?repository_version=${version['pulp_href'] as string}"`,
        ),
      ),
    /** Pushes blobs and an image of them. */
    async pushImage(name: string, layers: number, tag?: string) {
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
    },
    async close() {
      await hallmark.stop();
      await stage.close();
    },
  };
}

/** What {@link openSigningStage} gives. */
export type SigningStage = Awaited<ReturnType<typeof openSigningStage>>;
