import { RunningDigest } from '#storage/running-digest.js';
import { algorithmOf, type Digest, type DigestAlgorithm } from '#oci/digest.js';
import { ManifestError, parseManifest } from '#oci/manifest.js';
import { refused, shown } from '../tar/refusal.js';
import { readTar, type TarFile } from '../tar/tar-reader.js';

/** Bounds of what is read. */
export interface SurveyLimits {
  /** Most members of the archive. */
  readonly entries: number;
  /** Largest manifest in bytes. */
  readonly manifest: number;
  /** Most bytes of all manifests together: they are held in memory. */
  readonly manifests: number;
  /** Largest blob in bytes; 0: no limit. */
  readonly blob: number;
}

/** Who goes along with a survey. */
export interface SurveyCompanion {
  /** Called with the size of each chunk of a blob. */
  onBytes(bytes: number): void;
  /** Takes the body of a blob that is too large for a manifest, and returns its digest; undefined when it does not want it. */
  take(digest: Digest, body: AsyncIterable<Buffer>): Promise<Digest | undefined>;
}

/** A file of the archive whose bytes are what its name says, when it is a blob. */
export interface SurveyedFile extends TarFile {
  /** Digests that it refers to, when it is a manifest. */
  readonly subjects?: readonly string[];
}

const BLOB = /^(?:.+\/)?blobs\/(sha256|sha512)\/([^/]+)$/;
const HEX = { sha256: /^[a-f0-9]{64}$/, sha512: /^[a-f0-9]{128}$/ } as const;

/** Reads an archive once: checks its form and the hash of every blob, and says where its files lie. */
export async function surveyArchive(
  bytes: AsyncIterable<Buffer>,
  limits: SurveyLimits,
  companion: SurveyCompanion,
): Promise<Map<string, SurveyedFile>> {
  const files = new Map<string, SurveyedFile>();
  let manifests = 0;
  await readTar(bytes, limits, async (file, body) => {
    const match = BLOB.exec(file.path);
    if (!match) {
      files.set(file.path, file);
      return;
    }
    const algorithm = match[1] as DigestAlgorithm;
    if (!HEX[algorithm].test(match[2]!)) throw refused(`${shown(file.path)} is not named by a digest.`);
    if (limits.blob > 0 && file.size > limits.blob)
      throw refused(`The blob ${shown(file.path)} is larger than the limit of ${limits.blob} bytes.`);
    const small = await checkBlob(file, body, `${algorithm}:${match[2]}`, limits.manifest, companion);
    const subjects = small && subjectsOf(small);
    if (subjects && (manifests += file.size) > limits.manifests)
      throw refused(`The archive has more than ${limits.manifests} bytes of manifests; send fewer images at once.`);
    files.set(file.path, subjects ? { ...file, subjects } : file);
  });
  return files;
}

/** Hashes a blob and returns its bytes when they are few enough for a manifest. */
async function checkBlob(
  { path, size }: TarFile,
  body: AsyncIterable<Buffer>,
  digest: Digest,
  most: number,
  companion: SurveyCompanion,
): Promise<Buffer | undefined> {
  const counted = counting(body, (bytes) => companion.onBytes(bytes));
  const kept: Buffer[] | undefined = size <= most ? [] : undefined;
  const taken = kept ? undefined : await companion.take(digest, counted);
  const actual = taken ?? (await hashOf(counted, digest, kept));
  if (actual !== digest)
    throw refused(`The bytes of ${shown(path)} have the digest ${actual}; make the archive again.`, { digest, actual });
  return kept && Buffer.concat(kept);
}

async function* counting(body: AsyncIterable<Buffer>, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    onBytes(chunk.length);
    yield chunk;
  }
}

async function hashOf(body: AsyncIterable<Buffer>, digest: Digest, kept: Buffer[] | undefined): Promise<Digest> {
  const running = new RunningDigest(algorithmOf(digest));
  for await (const chunk of body) {
    running.update(chunk);
    kept?.push(Buffer.from(chunk));
  }
  return running.digest();
}

/** What a manifest refers to; undefined for bytes that are no manifest. */
function subjectsOf(bytes: Buffer): string[] | undefined {
  if (bytes[0] !== 0x7b && !/^\s*\{/.test(bytes.toString('latin1', 0, 64))) return undefined;
  try {
    return parseManifest(bytes).subjects.map((subject) => subject.digest);
  } catch (error) {
    if (error instanceof ManifestError) return undefined;
    throw error;
  }
}
