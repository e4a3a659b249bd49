import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '#oci/descriptor.js';
import { digestOf } from '#oci/digest.js';
import { parseManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { inLanes } from '#platform/in-lanes.js';
import { type CheckedManifest, type CopyOptions, GraphCopy } from './copy-graph.js';

/** Bytes by digest, and what was asked of it. */
class Shelf {
  readonly content = new Map<string, Buffer>();
  readonly order: string[] = [];
  busy = 0;
  widest = 0;

  add(mediaType: string, bytes: Buffer): Descriptor {
    const digest = digestOf(bytes);
    this.content.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  image(label: string, extra: object = {}): Descriptor {
    const config = this.add(MediaType.ociConfig, Buffer.from(`config ${label}`));
    const layers = [this.add(MediaType.ociLayer, Buffer.from(`layer ${label}`)), extra].filter(
      (each) => 'digest' in each,
    );
    return this.document({ mediaType: MediaType.ociManifest, config, layers });
  }

  index(...manifests: Descriptor[]): Descriptor {
    return this.document({ mediaType: MediaType.ociIndex, manifests });
  }

  exists = ({ digest }: Descriptor) => Promise.resolve(this.content.has(digest));

  manifest = async (digest: string): Promise<CheckedManifest> => {
    const bytes = await this.fetch(digest);
    const parsed = parseManifest(bytes);
    return { mediaType: parsed.mediaType, digest, size: bytes.length, bytes, parsed };
  };

  blob = async ({ digest }: Descriptor) => Readable.from([await this.fetch(digest)], { objectMode: false });

  putManifest = ({ digest, bytes }: CheckedManifest) => this.put(digest, bytes);

  putBlob = async ({ digest }: Descriptor, stream: Readable) =>
    this.put(digest, Buffer.concat((await stream.toArray()) as Buffer[]));

  private async fetch(digest: string): Promise<Buffer> {
    this.widest = Math.max(this.widest, (this.busy += 1));
    await sleep(1);
    this.busy -= 1;
    return this.content.get(digest)!;
  }

  private put(digest: string, bytes: Buffer): Promise<void> {
    this.content.set(digest, bytes);
    this.order.push(digest);
    return Promise.resolve();
  }

  private document(members: { readonly mediaType: string; readonly [member: string]: unknown }): Descriptor {
    return this.add(members.mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, ...members })));
  }
}

const copy = async (from: Shelf, roots: Descriptor[], options: Partial<CopyOptions> = {}, to = new Shelf()) => {
  const graph = new GraphCopy(from, to, { width: 3, ...options });
  await inLanes(roots, 3, (root) => graph.copy(root));
  return to;
};

describe('a copy', () => {
  test('puts children before parents, each once, and no more at a time than its width', async () => {
    const from = new Shelf();
    const shared = from.image('shared');
    const inner = from.index(shared, from.image('a'));
    const roots = [from.index(inner, shared), from.index(from.image('b'), shared)];
    const to = await copy(from, roots);
    expect(new Set(to.order).size).toBe(to.order.length);
    expect(to.content).toEqual(from.content);
    for (const [parent, child] of [
      [roots[0]!, inner],
      [inner, shared],
      [roots[1]!, shared],
    ] as const)
      expect(to.order.indexOf(child.digest)).toBeLessThan(to.order.indexOf(parent.digest));
    expect(from.widest).toBeLessThanOrEqual(3);
  });

  test('does not look below what the target has', async () => {
    const from = new Shelf();
    const image = from.image('a');
    const to = new Shelf();
    to.content.set(image.digest, Buffer.alloc(0));
    expect((await copy(from, [image], {}, to)).order).toEqual([]);
  });

  test('leaves out layers that live elsewhere and blobs that are not wanted', async () => {
    const from = new Shelf();
    const foreign = {
      mediaType: MediaType.dockerForeignLayer,
      digest: digestOf('x'),
      size: 1,
      urls: ['https://example.com/x'],
    };
    const to = await copy(from, [from.image('a', foreign)], {
      wantsBlob: (blob) => blob.mediaType === MediaType.ociConfig,
    });
    expect(to.order).toHaveLength(2);
  });

  test.each([
    ['size', { size: 1 }],
    ['type', { mediaType: MediaType.dockerManifest }],
  ])('refuses manifests that are listed with another %s than theirs', async (_member, other) => {
    const from = new Shelf();
    const listed = from.index({ ...from.image('a'), ...other });
    await expect(copy(from, [listed])).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  test('is bounded in depth, in number and in the size of manifests', async () => {
    const from = new Shelf();
    let deep = from.image('a');
    for (let depth = 0; depth < 5; depth += 1) deep = from.index(deep);
    await expect(copy(from, [deep], { maxDepth: 4 })).rejects.toMatchObject({ code: 'COPY_LIMIT' });
    await expect(copy(from, [deep], { maxNodes: 3 })).rejects.toMatchObject({ code: 'COPY_LIMIT' });
    await expect(copy(from, [deep], { manifestLimit: 10 })).rejects.toMatchObject({ code: 'COPY_LIMIT' });
    expect((await copy(from, [deep], { maxDepth: 5 })).content.size).toBe(from.content.size);
  });

  test('stops at the first failure and when it is told to', async () => {
    const from = new Shelf();
    const images = Array.from({ length: 50 }, (_each, at) => from.image(String(at)));
    const broken = Object.assign(new Shelf(), { putBlob: () => Promise.reject(new Error('full')) });
    await expect(copy(from, images, {}, broken)).rejects.toThrow('full');
    const stop = AbortSignal.abort(new Error('stopped'));
    await expect(copy(from, images, { signal: stop })).rejects.toThrow('stopped');
  });
});
