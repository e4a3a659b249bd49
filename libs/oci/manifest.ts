import type { Descriptor, Platform } from './descriptor.js';
import { isDigest } from './digest.js';
import { INDEX_TYPES, MANIFEST_TYPES, MediaType, SCHEMA1_TYPES, isForeignLayer } from './media-types.js';
import { parseStrictJson, StrictJsonError } from './strict-json.js';

/** What is read from a manifest; the bytes themselves are never written again. */
export interface ParsedManifest {
  readonly mediaType: string;
  /** `prototype` is the artifact manifest of 2021 with `manifests[]`; `artifact` has `blobs` and `subject`. */
  readonly shape: 'image' | 'index' | 'artifact' | 'prototype';
  readonly artifactType?: string;
  readonly config?: Descriptor;
  /** Layers, blobs of an artifact, or what an index lists that is no manifest: the registry must have them. */
  readonly layers: readonly Descriptor[];
  /** Layers whose bytes live elsewhere. */
  readonly foreignLayers: readonly Descriptor[];
  /** Manifests that an index names. */
  readonly children: readonly Descriptor[];
  /** Manifests that this one refers to: its subject, or the targets of a prototype artifact. */
  readonly subjects: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** Why a manifest is refused; `path` names the member. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  constructor(
    readonly path: string,
    message: string,
  ) {
    super(path ? `${path}: ${message}` : message);
  }
}

/** Most descriptors in one manifest. */
const MAX_DESCRIPTORS = 20_000;

const UNSUPPORTED = 'is not supported; push the image again with a current client';

type Json = Record<string, unknown>;

/**
 * Reads and checks a manifest. The type is the `mediaType` member, which must not contradict the request's `Content-Type`,
 * else the `Content-Type` when it is a manifest's, else it is told by the shape (OCI image-spec; CVE-2021-41190).
 * Throws {@link ManifestError}.
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): ParsedManifest {
  const document = parseDocument(bytes);
  const mediaType = decideMediaType(document, contentType);
  refuseAmbiguous(document, mediaType);
  if (document['schemaVersion'] !== 2 && document['schemaVersion'] !== undefined)
    throw new ManifestError('schemaVersion', `must be 2; schema 1 ${UNSUPPORTED}`);
  const annotations = readAnnotations(document['annotations'], 'annotations');
  const artifactType = optionalText(document['artifactType'], 'artifactType');
  const base = { mediaType, annotations, ...(artifactType ? { artifactType } : {}) };
  const none = { layers: [], foreignLayers: [], children: [], subjects: [] };
  const subjects =
    document['subject'] === undefined || document['subject'] === null
      ? []
      : [descriptor(document['subject'], 'subject')];

  if (INDEX_TYPES.has(mediaType)) {
    if (document['schemaVersion'] !== 2) throw new ManifestError('schemaVersion', 'must be 2');
    return { ...base, ...none, shape: 'index', ...listed(document), subjects };
  }
  if (mediaType === MediaType.ociArtifactManifest && document['manifests'] !== undefined) {
    const config = document['config'] === undefined ? {} : { config: descriptor(document['config'], 'config') };
    const targets = descriptors(document['manifests'], 'manifests');
    if (!artifactType) throw new ManifestError('artifactType', 'is required');
    return {
      ...base,
      ...none,
      ...config,
      shape: 'prototype',
      layers: descriptors(document['blobs'] ?? [], 'blobs'),
      subjects: targets,
    };
  }
  if (mediaType === MediaType.ociArtifactManifest || mediaType === MediaType.orasArtifactManifest)
    return { ...base, ...none, shape: 'artifact', layers: descriptors(document['blobs'] ?? [], 'blobs'), subjects };
  if (document['schemaVersion'] !== 2) throw new ManifestError('schemaVersion', 'must be 2');
  const layers = byHome(descriptors(document['layers'], 'layers'));
  return { ...base, ...none, ...layers, shape: 'image', config: descriptor(document['config'], 'config'), subjects };
}

/** As {@link parseManifest}; undefined for what was stored before it was found that clients may read something else in it. */
export function readStoredManifest(bytes: Uint8Array, mediaType?: string): ParsedManifest | undefined {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof ManifestError) return undefined;
    throw error;
  }
}

/** An index may list blobs too, as BuildKit's caches do; unknown types are no error (OCI image-spec, "Image Index"). */
function listed(document: Json): Pick<ParsedManifest, 'children' | 'layers' | 'foreignLayers'> {
  const entries = descriptors(document['manifests'], 'manifests');
  const old = entries.find(({ mediaType }) => SCHEMA1_TYPES.has(mediaType));
  if (old) throw new ManifestError('manifests', `${old.digest} is an image of schema 1, which ${UNSUPPORTED}`);
  const isManifest = ({ mediaType }: Descriptor) => MANIFEST_TYPES.has(mediaType);
  return { children: entries.filter(isManifest), ...byHome(entries.filter((entry) => !isManifest(entry))) };
}

function byHome(all: readonly Descriptor[]): Pick<ParsedManifest, 'layers' | 'foreignLayers'> {
  const isForeign = ({ mediaType, urls }: Descriptor) => isForeignLayer(mediaType, urls);
  return { layers: all.filter((layer) => !isForeign(layer)), foreignLayers: all.filter(isForeign) };
}

/** The artifact type of a referrer: the member, else for images the config's type (distribution-spec, "Listing Referrers"). */
export function referrerTypeOf(manifest: ParsedManifest): string | undefined {
  return manifest.artifactType ?? (manifest.shape === 'image' ? manifest.config?.mediaType : undefined);
}

/** Every blob that has to be here for the manifest to be whole. */
export function blobsOf(manifest: ParsedManifest): Descriptor[] {
  return manifest.config ? [manifest.config, ...manifest.layers] : [...manifest.layers];
}

function parseDocument(bytes: Uint8Array): Json {
  let value: unknown;
  try {
    value = parseStrictJson(bytes, { storable: true });
  } catch (error) {
    if (error instanceof StrictJsonError)
      throw new ManifestError('', `the manifest is not usable JSON: ${error.message}`);
    throw error;
  }
  if (!isObject(value)) throw new ManifestError('', 'the manifest must be a JSON object');
  refuseLookalikes(value, '');
  return value;
}

const folded = (name: string) => name.toUpperCase().toLowerCase();
/** Members that clients act on, by their letters without case. */
const MEMBERS = new Map(
  `schemaVersion mediaType artifactType config layers manifests blobs fsLayers history subject annotations
   digest size urls data platform`
    .split(/\s+/)
    .map((name) => [folded(name), name]),
);
const EXACT = new Set(MEMBERS.values());

/** Clients in Go find members whatever their case, and would read something else in the same bytes than we do. */
function refuseLookalikes(object: Json, path: string): void {
  for (const name of Object.keys(object)) {
    const meant = EXACT.has(name) ? undefined : MEMBERS.get(folded(name));
    if (meant !== undefined)
      throw new ManifestError(
        path ? `${path}.${name}` : name,
        `is read as ${meant} by some; the document is ambiguous`,
      );
  }
}

function decideMediaType(document: Json, contentType: string | undefined): string {
  const declared = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const member = optionalText(document['mediaType'], 'mediaType');
  if (isSchema1(document, member, declared)) throw new ManifestError('', `schema 1 ${UNSUPPORTED}`);
  if (member !== undefined) {
    if (!MANIFEST_TYPES.has(member))
      throw new ManifestError('mediaType', `a manifest of an unknown media type was provided: ${member.slice(0, 200)}`);
    if (MANIFEST_TYPES.has(declared) && declared !== member)
      throw new ManifestError('mediaType', `is ${member}, but the Content-Type is ${declared}`);
    return member;
  }
  if (MANIFEST_TYPES.has(declared)) return declared;
  if (declared !== '' && !GENERIC_TYPES.has(declared))
    throw new ManifestError('', `a manifest of an unknown media type was provided: ${declared.slice(0, 200)}`);
  if (Array.isArray(document['manifests'])) return MediaType.ociIndex;
  const config = document['config'];
  if (isObject(config))
    return config['mediaType'] === MediaType.dockerConfig ? MediaType.dockerManifest : MediaType.ociManifest;
  throw new ManifestError('mediaType', 'is required, or a Content-Type that names a manifest type');
}

const GENERIC_TYPES = new Set(['application/json', 'application/octet-stream', 'text/plain', '*/*']);

function isSchema1(document: Json, member: string | undefined, declared: string): boolean {
  return document['schemaVersion'] === 1 || [member, declared].some((type) => SCHEMA1_TYPES.has(type ?? ''));
}

function refuseAmbiguous(document: Json, mediaType: string): void {
  const index = INDEX_TYPES.has(mediaType);
  const conflicting = index
    ? ['layers', 'config', 'fsLayers', 'blobs']
    : mediaType === MediaType.ociArtifactManifest
      ? ['layers', 'fsLayers']
      : ['manifests', 'fsLayers'];
  for (const member of conflicting)
    if (document[member] !== undefined)
      throw new ManifestError(
        member,
        `does not belong into a manifest of type ${mediaType}; the document is ambiguous`,
      );
}

function descriptors(value: unknown, path: string): Descriptor[] {
  // Go writes an empty list so when it was never filled.
  if (value === null) return [];
  if (!Array.isArray(value)) throw new ManifestError(path, value === undefined ? 'is required' : 'must be a list');
  if (value.length > MAX_DESCRIPTORS) throw new ManifestError(path, `has more than ${MAX_DESCRIPTORS} entries`);
  return value.map((entry, position) => descriptor(entry, `${path}[${position}]`));
}

function descriptor(value: unknown, path: string): Descriptor {
  if (!isObject(value)) throw new ManifestError(path, value === undefined ? 'is required' : 'must be a descriptor');
  refuseLookalikes(value, path);
  const mediaType = value['mediaType'];
  if (typeof mediaType !== 'string' || mediaType === '' || mediaType.length > 255)
    throw new ManifestError(`${path}.mediaType`, 'must be a media type');
  const digest = value['digest'];
  if (typeof digest !== 'string' || !isDigest(digest))
    throw new ManifestError(`${path}.digest`, 'must be a sha256 or sha512 digest');
  const size = value['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new ManifestError(`${path}.size`, 'must be a whole number of bytes');
  const artifactType = optionalText(value['artifactType'], `${path}.artifactType`);
  const urls = value['urls'];
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(value['annotations'] === undefined
      ? {}
      : { annotations: readAnnotations(value['annotations'], `${path}.annotations`) }),
    ...(Array.isArray(urls) ? { urls: urls.filter((url): url is string => typeof url === 'string') } : {}),
    ...(typeof value['data'] === 'string' ? { data: value['data'] } : {}),
    ...(isObject(value['platform']) ? { platform: value['platform'] as Platform } : {}),
  };
}

function readAnnotations(value: unknown, path: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new ManifestError(path, 'must be an object of texts');
  for (const [name, text] of Object.entries(value))
    if (typeof text !== 'string') throw new ManifestError(`${path}.${name.slice(0, 64)}`, 'must be a text');
  return value as Record<string, string>;
}

function optionalText(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new ManifestError(path, 'must be a text');
  return value;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
