import type { DataSource } from 'typeorm';
import { findBlob, type ReadView } from '#content/read/find-manifest.js';
import type { Descriptor } from '#oci/descriptor.js';
import { EMPTY_JSON_DIGEST } from '#oci/digest.js';
import type { ParsedManifest } from '#oci/manifest.js';
import { isDomainError } from '#platform/domain-error.js';
import type { BlobStore } from '#storage/blob-store.js';
import { IMAGE_CONFIGS } from '../push/image-facts.js';

/** Where the blobs of a manifest are looked at. */
export interface BlobSource {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly view: ReadView;
}

const CONFIG_LIMIT = 4 * 1024 * 1024;
/** Runtimes take no more layers. */
const MOST_LAYERS = 128;
/** A header of a tar archive. */
const HEADER = 512;

/** How a WebAssembly module or component begins. */
const WASM = Buffer.from('\0asm', 'latin1');

/**
 * True unless it is certain that no container runtime makes a container of a manifest. Runtimes go by what bytes are and not
 * by what they are called: docker and containerd unpack layers beside any type of config, podman layers of any type, and
 * those for WebAssembly run a module that lies in a layer as it is.
 */
export async function isRunnable(from: BlobSource, parsed: ParsedManifest): Promise<boolean> {
  const { shape, config, layers, foreignLayers } = parsed;
  if (shape !== 'image' || !config) return false;
  const unpacked = IMAGE_CONFIGS.has(config.mediaType) || (await mayHaveLayers(from, config));
  if (foreignLayers.length > 0 || layers.length > MOST_LAYERS) return true;
  for (const layer of layers) {
    const bytes = await firstBytes(from, layer);
    if (unpacked ? !isText(bytes) : isModule(layer, bytes)) return true;
  }
  return false;
}

/** False when a config names no layers to unpack: runtimes want as many there as in the manifest. */
async function mayHaveLayers(from: BlobSource, config: Descriptor): Promise<boolean> {
  if (config.digest === EMPTY_JSON_DIGEST) return false;
  const blob = await findBlob(from.source, from.view, config.digest);
  if (!blob?.stored || blob.size > CONFIG_LIMIT) return true;
  const text = (await from.store.getBytes(blob.digest, CONFIG_LIMIT)).toString('utf8').trimStart();
  if (!text.startsWith('{')) return false;
  try {
    // Runtimes read members whatever their case, letters that fold to others included.
    return Object.keys(JSON.parse(text) as object).some((name) => /^rootfs$/iu.test(name));
  } catch {
    return true;
  }
}

/** How a blob begins; undefined when it is not here. */
async function firstBytes({ source, store, view }: BlobSource, { digest }: Descriptor): Promise<Buffer | undefined> {
  const blob = await findBlob(source, view, digest);
  if (!blob?.stored) return undefined;
  if (blob.size === 0) return Buffer.alloc(0);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of await store.open(digest, { start: 0, end: Math.min(HEADER, blob.size) - 1 }, blob.size))
      chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch (error) {
    if (isDomainError(error) && error.kind === 'not-found') return undefined;
    throw error;
  }
}

/** True for the beginning of a text, as signatures, attestations and bills of materials are: of no archive, packed or not. */
function isText(bytes: Buffer | undefined): boolean {
  if (!bytes || bytes.subarray(0, 3).toString('latin1') === 'BZh' || isTarHeader(bytes)) return false;
  try {
    // oxlint-disable-next-line no-control-regex
    return !/[\0-\x08\x0e-\x1f\x7f]/.test(new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true }));
  } catch {
    return false;
  }
}

/** By its type too: the bytes may be upstream still. */
function isModule({ mediaType }: Descriptor, bytes: Buffer | undefined): boolean {
  return /wasm/i.test(mediaType) || bytes?.subarray(0, WASM.length).equals(WASM) === true;
}

/** A header has the sum of its bytes in itself, with its own place counted as spaces. */
function isTarHeader(bytes: Buffer): boolean {
  if (bytes.length < HEADER) return false;
  const written = Number.parseInt(bytes.toString('latin1', 148, 156).trim(), 8);
  let [sum, signed] = [8 * 32, 8 * 32];
  for (const [at, byte] of bytes.entries())
    if (at < 148 || at >= 156) {
      sum += byte;
      signed += byte > 127 ? byte - 256 : byte;
    }
  return written === sum || written === signed;
}
