import type { Descriptor } from '#oci/descriptor.js';
import { hexOf } from '#oci/digest.js';
import type { ParsedManifest } from '#oci/manifest.js';
import { companionTagOf } from '#oci/reference.js';
import { CosignKind } from '../layout-names.js';
import { refused } from '../tar/refusal.js';
import type { LayoutFiles } from './layout-files.js';
import type { LayoutEntry } from './read-index.js';

const LARGEST_PAYLOAD = 32 * 1024 * 1024;

/**
 * The companion tag of an entry that `cosign save` marked as signatures or attestations. Which image they are of is read
 * from what they sign, and must be an image of the same layout.
 */
export async function companionTagsOf(
  { kind, tag, descriptor }: LayoutEntry,
  images: readonly LayoutEntry[],
  manifests: ReadonlyMap<string, { readonly parsed: ParsedManifest }>,
  files: LayoutFiles,
): Promise<[tag: string, digest: string][]> {
  const suffix = kind === CosignKind.signatures ? 'sig' : kind === CosignKind.attestations ? 'att' : undefined;
  if (suffix === undefined || tag !== undefined) return [];
  const named = await namedDigests(manifests.get(descriptor.digest)!.parsed.layers, suffix, files);
  const subject = images.find((image) => named.size === 1 && named.has(image.descriptor.digest));
  if (!subject)
    throw refused(
      `The ${suffix === 'sig' ? 'signatures' : 'attestations'} ${descriptor.digest} are of no image of the layout.`,
    );
  return [[companionTagOf(subject.descriptor.digest, suffix), descriptor.digest]];
}

/** The digests that all layers speak of; more than one when they do not agree. */
async function namedDigests(
  layers: readonly Descriptor[],
  suffix: 'sig' | 'att',
  files: LayoutFiles,
): Promise<ReadonlySet<string>> {
  const named = new Set<string>();
  for (const layer of layers) {
    const bytes = await files.read(files.blob(layer.digest)!, LARGEST_PAYLOAD);
    const digest = suffix === 'sig' ? payloadDigest(json(bytes)) : statementDigest(json(bytes));
    named.add(digest ?? `nothing in ${hexOf(layer.digest)}`);
  }
  return named;
}

interface Payload {
  readonly critical?: { readonly image?: { readonly 'docker-manifest-digest'?: unknown } };
}

interface Statement {
  readonly subject?: readonly { readonly digest?: { readonly sha256?: unknown } }[];
}

function payloadDigest(payload: unknown): string | undefined {
  const digest = (payload as Payload | undefined)?.critical?.image?.['docker-manifest-digest'];
  return typeof digest === 'string' ? digest : undefined;
}

function statementDigest(envelope: unknown): string | undefined {
  const payload = (envelope as { payload?: unknown } | undefined)?.payload;
  if (typeof payload !== 'string') return undefined;
  const subjects = (json(Buffer.from(payload, 'base64')) as Statement | undefined)?.subject;
  const hex = Array.isArray(subjects) ? (subjects as NonNullable<Statement['subject']>)[0]?.digest?.sha256 : undefined;
  return typeof hex === 'string' ? `sha256:${hex}` : undefined;
}

function json(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) ?? undefined;
  } catch {
    return undefined;
  }
}
