import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import type { Descriptor } from '#oci/descriptor.js';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import type { Carrier, StoredManifest, WrappedSignature } from '../signature-format.js';

/** Where the container tools for the specs are. */
export const CLIENTS = process.env['HALLMARK_CLIENTS'] ?? join(import.meta.dirname, '../../../../.clients');

/** Skips the test when programs are missing and need not be there. */
export function requireClients(context: TestContext, ...names: string[]): void {
  if (hasClients(...names)) return;
  context.skip('needs cosign: scripts/install-clients.sh');
}

/** True when the programs are there, or must be. */
export function hasClients(...names: string[]): boolean {
  return process.env['HALLMARK_REQUIRE_CLIENTS'] === '1' || names.every((name) => existsSync(join(CLIENTS, name)));
}

/** A registry with one repository, and the calls that a pushing and pulling client makes. */
export interface TestRegistry {
  readonly repository: string;
  pushImage(label: string): Promise<StoredManifest>;
  push(artifact: WrappedSignature): Promise<void>;
  /** Referrers of a subject, then its companion manifests. */
  carriersOf(subject: StoredManifest): Promise<Carrier[]>;
  close(): void;
}

/** Starts olareg in memory on a free port. */
export async function startRegistry(): Promise<TestRegistry> {
  const port = await freePort();
  const flags = ['serve', '--addr', '127.0.0.1', '--port', String(port), '--store-type', 'mem'];
  const server = spawn(join(CLIENTS, 'olareg'), flags, { stdio: 'ignore' });
  const host = `http://127.0.0.1:${port}`;
  await answers(`${host}/v2/`);
  const url = (path: string) => `${host}/v2/team/app/${path}`;
  const blobs = { push: pushBlob.bind(undefined, host, url), fetch: fetchBlob.bind(undefined, url) };
  return {
    repository: `127.0.0.1:${port}/team/app`,
    close: () => void server.kill(),
    pushImage: async (label) => {
      const { config, manifest } = imageOf(label);
      await blobs.push(digestOf(config), config);
      await putManifest(url(`manifests/${manifest.digest}`), manifest.bytes);
      return manifest;
    },
    push: async ({ blobs: parts, manifest, tag }) => {
      for (const { descriptor, bytes } of parts) await blobs.push(descriptor.digest, bytes);
      await putManifest(url(`manifests/${tag ?? manifest.descriptor.digest}`), manifest.bytes);
    },
    carriersOf: async (subject) => {
      const { manifests } = (await (await fetch(url(`referrers/${subject.digest}`))).json()) as {
        manifests: Descriptor[] | null;
      };
      const tags = ['sig', 'att'].map((kind) => `${subject.digest.replace(':', '-')}.${kind}`);
      const found = [...(manifests ?? []).map(({ digest }) => digest), ...tags].map(async (reference) => {
        const manifest = await getManifest(url(`manifests/${reference}`));
        const tag = tags.includes(reference) ? { tag: reference } : {};
        return manifest ? [{ manifest, subject: subject.digest, fetch: blobs.fetch, ...tag }] : [];
      });
      return (await Promise.all(found)).flat();
    },
  };
}

type Url = (path: string) => string;

function imageOf(label: string): { config: Buffer; manifest: StoredManifest } {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Labels: { label } } }));
  const descriptor = { mediaType: MediaType.ociConfig, digest: digestOf(config), size: config.length };
  const document = { schemaVersion: 2, mediaType: MediaType.ociManifest, config: descriptor, layers: [] };
  return { config, manifest: stored(Buffer.from(JSON.stringify(document))) };
}

function stored(bytes: Uint8Array): StoredManifest {
  return { mediaType: MediaType.ociManifest, digest: digestOf(bytes), size: bytes.length, bytes };
}

async function pushBlob(host: string, url: Url, digest: string, bytes: Uint8Array): Promise<void> {
  const started = await fetch(url('blobs/uploads/'), { method: 'POST' });
  const location = new URL(started.headers.get('location')!, host);
  location.searchParams.set('digest', digest);
  await put(location, bytes, MediaType.octetStream);
}

const putManifest = (to: string, bytes: Uint8Array) => put(new URL(to), bytes, MediaType.ociManifest);

async function put(to: URL, bytes: Uint8Array, type: string): Promise<void> {
  const answer = await fetch(to, { method: 'PUT', body: Buffer.from(bytes), headers: { 'content-type': type } });
  if (answer.status !== 201) throw new Error(`PUT ${to.pathname}: ${answer.status} ${await answer.text()}`);
}

async function getManifest(from: string): Promise<StoredManifest | undefined> {
  const answer = await fetch(from, { headers: { accept: MediaType.ociManifest } });
  return answer.ok ? stored(new Uint8Array(await answer.arrayBuffer())) : undefined;
}

async function fetchBlob(url: Url, { digest }: Descriptor): Promise<Uint8Array> {
  const answer = await fetch(url(`blobs/${digest}`));
  return new Uint8Array(await answer.arrayBuffer());
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`${url} does not answer`);
}
