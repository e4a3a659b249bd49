import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MediaType } from '#oci/media-types.js';
import type { StoredManifest } from '#signing/formats/signature-format.js';
import type { MadeImage } from './push-http.js';

/** Answers a request in place of the registry; false lets the registry answer. */
export type Script = (request: IncomingMessage, response: ServerResponse) => boolean | void | Promise<boolean | void>;

/** A script that gives the same answer each time. */
export const answer =
  (status: number, headers: Record<string, string> = {}, body = ''): Script =>
  (_request, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };

/** A registry in this process whose every answer a test can change. */
export class FakeUpstream {
  /** `METHOD path` of every request, in order. */
  readonly requests: string[] = [];
  /** How many connections were opened. */
  connections = 0;
  /** Authorization header of every request, in the same order. */
  readonly authorizations: (string | undefined)[] = [];
  readonly tags = new Map<string, StoredManifest>();
  /** Simple signatures by manifest digest; setting one makes the extension API exist. */
  readonly signatures = new Map<string, Buffer[]>();
  /** Descriptors by subject digest; undefined: no referrers API. */
  referrers: Map<string, StoredManifest[]> | undefined;
  private readonly manifests = new Map<string, StoredManifest>();
  private readonly blobs = new Map<string, Buffer>();
  private readonly scripts: { pattern: RegExp; script: Script }[] = [];
  private readonly server = createServer((request, response) => void this.answer(request, response));

  static async start(): Promise<FakeUpstream> {
    const fake = new FakeUpstream();
    fake.server.on('connection', () => (fake.connections += 1));
    await new Promise<void>((done) => fake.server.listen(0, '127.0.0.1', done));
    return fake;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Puts an image there, under a tag when there is one. */
  add(image: MadeImage, tag?: string): MadeImage {
    for (const { digest, bytes } of image.blobs) this.blobs.set(digest, bytes);
    this.addManifest(image.manifest, tag);
    return image;
  }

  /** Puts a manifest there without its blobs. */
  addManifest(manifest: StoredManifest, tag?: string): void {
    this.manifests.set(manifest.digest, manifest);
    if (tag) this.tags.set(tag, manifest);
  }

  /** Answers requests whose `METHOD path` matches; the newest script comes first. */
  on(pattern: RegExp, script: Script): void {
    this.scripts.unshift({ pattern, script });
  }

  /** Forgets scripts and what was asked. */
  calm(): void {
    this.scripts.length = 0;
    this.forget();
  }

  /** Forgets what was asked. */
  forget(): void {
    this.requests.length = 0;
    this.authorizations.length = 0;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(() => done()));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const line = `${request.method} ${request.url}`;
    this.requests.push(line);
    this.authorizations.push(request.headers.authorization);
    for (const { pattern, script } of this.scripts)
      if (pattern.test(line) && (await script(request, response)) !== false) return;
    const path = new URL(request.url!, this.url).pathname;
    if (this.signatures.size > 0) response.setHeader('X-Registry-Supports-Signatures', '1');
    if (path === '/v2/') return void response.end('{}');
    const match = /^\/(?:v2|extensions\/v2)\/.+\/(manifests|blobs|referrers|signatures|tags)\/([^/]+)$/.exec(path);
    this.serve(response, request.method === 'HEAD', match?.[1], match?.[2] ?? '');
  }

  private serve(response: ServerResponse, head: boolean, noun: string | undefined, reference: string): void {
    const send = (bytes: Buffer, headers: Record<string, string>) => {
      response.writeHead(200, { ...headers, 'content-length': bytes.length });
      response.end(head ? undefined : bytes);
    };
    const json = (document: unknown, type = 'application/json') =>
      send(Buffer.from(JSON.stringify(document)), { 'content-type': type });
    const manifest = this.manifests.get(reference) ?? this.tags.get(reference);
    const blob = this.blobs.get(reference);
    if (noun === 'tags') return json({ name: 'any', tags: [...this.tags.keys()] });
    if (noun === 'manifests' && manifest)
      return send(Buffer.from(manifest.bytes), {
        'content-type': manifest.mediaType,
        'docker-content-digest': manifest.digest,
      });
    if (noun === 'blobs' && blob) return send(blob, { 'content-type': 'application/octet-stream' });
    if (noun === 'referrers' && this.referrers)
      return json(
        { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: this.listed(reference) },
        MediaType.ociIndex,
      );
    if (noun === 'signatures')
      return json({
        signatures: (this.signatures.get(reference) ?? []).map((bytes, at) => ({
          schemaVersion: 2,
          type: 'atomic',
          name: `${reference}@${String(at).padStart(32, '0')}`,
          content: bytes.toString('base64'),
        })),
      });
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(head ? undefined : '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
  }

  private listed(subject: string): unknown {
    const manifests = this.referrers!.get(subject)?.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
    return manifests ?? null;
  }
}
