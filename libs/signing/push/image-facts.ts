import type { ImageFacts } from '#content/push/drafts.js';
import type { ParsedManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { isStorable } from '#oci/strict-json.js';

/** What a config says that is shown with an image; a config that is no JSON object says nothing. */
export interface ConfigFacts {
  readonly labels: Readonly<Record<string, string>>;
  readonly architecture: string | null;
  readonly os: string | null;
}

const SILENT: ConfigFacts = { labels: {}, architecture: null, os: null };
/** Types of configs that only images have. */
export const IMAGE_CONFIGS: ReadonlySet<string> = new Set([
  MediaType.ociConfig,
  MediaType.dockerConfig,
  MediaType.octetStream,
]);

/** Classifies a manifest as Pulp does, from itself and from its config. */
export function imageFacts(parsed: ParsedManifest, config: ConfigFacts = SILENT): ImageFacts {
  return { type: typeOf(parsed, config.labels), ...config };
}

/** Reads a config blob; artifacts may have anything there. */
export function readConfigFacts(bytes: Uint8Array): ConfigFacts {
  const document = asObject(parsed(bytes));
  if (!document) return SILENT;
  const labels = asObject(asObject(document['config'])?.['Labels']) ?? {};
  return {
    labels: Object.fromEntries(Object.entries(labels).filter(isLabel)),
    architecture: textOf(document['architecture']),
    os: textOf(document['os']),
  };
}

function typeOf(manifest: ParsedManifest, labels: Readonly<Record<string, string>>): string {
  if (manifest.shape === 'index') return 'index';
  if (manifest.shape !== 'image') return 'artifact';
  if (manifest.annotations['containers.bootc'] === '1' || labels['containers.bootc'] === '1') return 'bootable';
  if (labels['org.flatpak.ref']) return 'flatpak';
  const config = manifest.config?.mediaType ?? '';
  if (config === MediaType.helmConfig) return 'helm';
  for (const layer of manifest.layers) {
    const type = attachmentType(layer.mediaType);
    if (type) return type;
  }
  if (manifest.mediaType === MediaType.dockerManifest) return 'image';
  return manifest.artifactType !== undefined || !IMAGE_CONFIGS.has(config) ? 'artifact' : 'image';
}

function attachmentType(mediaType: string): string | undefined {
  if (mediaType === MediaType.cosignSimpleSigning) return 'cosign_signature';
  if (mediaType === MediaType.dsseEnvelope) return 'cosign_attestation';
  if (mediaType.startsWith(MediaType.sigstoreBundlePrefix)) return 'cosign_attestation_bundle';
  if (/^(?:application\/vnd\.cyclonedx|text\/spdx|application\/vnd\.syft\+json)/.test(mediaType)) return 'cosign_sbom';
  return undefined;
}

const OPENING_BRACE = 0x7b;
const JSON_SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** The value in JSON; undefined for what is none, or surely no object: most configs of artifacts are anything else. */
function parsed(bytes: Uint8Array): unknown {
  if (bytes.find((byte) => !JSON_SPACE.has(byte)) !== OPENING_BRACE) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.length <= 255 && isStorable(value) ? value : null;
}

function isLabel(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string' && isStorable(entry[0]) && isStorable(entry[1]);
}
