import type { DataSource } from 'typeorm';
import { insertSignatures } from '#content/push/insert-signatures.js';
import { stage } from '#content/push/store-manifest.js';
import { applyChange, lockRepository, type MadeVersion, type UnitRef } from '#content/versions/apply-change.js';
import { isDigest } from '#oci/digest.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { invalid, isDomainError, notFound } from '#platform/domain-error.js';
import { simpleFormat } from '../formats/simple/simple-format.js';
import { toSignatureDraft } from '../store/signature-draft.js';

/** Largest body of one signature, base64 included. */
export const SIGNATURE_LIMIT = 8 * 1024 * 1024;

/**
 * Takes a simple signature in as podman and skopeo send it. The payload must be about this manifest; who signed is not
 * judged. Storing what is there already changes nothing; a signature of a staged manifest waits with it.
 */
export async function pushSignature(
  source: DataSource,
  repositoryId: string,
  manifestDigest: string,
  body: Uint8Array,
): Promise<MadeVersion | undefined> {
  const bytes = readEntry(body, manifestDigest);
  const parsed = await parse(bytes, manifestDigest);
  if (parsed.manifestDigest !== manifestDigest)
    throw refused(`The signature is of ${parsed.manifestDigest ?? 'no manifest'}, not of this one.`, manifestDigest);
  const draft = toSignatureDraft('simple', manifestDigest, bytes, parsed);
  return inTransaction(source, async (tx) => {
    await lockRepository(tx, repositoryId);
    const [place] = await rowsOf<{ member: boolean; staged: boolean }>(
      tx,
      `select exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = c.id and m.removed_in is null) as member,
         exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = c.id) as staged
       from manifest c where c.digest = $2`,
      [repositoryId, manifestDigest],
    );
    if (!place?.member && !place?.staged)
      throw notFound('Manifest not found.', 'MANIFEST_UNKNOWN', { reference: manifestDigest });
    const units = (await insertSignatures(tx, [draft])).map((id): UnitRef => ({ id, kind: 'signature' }));
    if (place.member) return applyChange(tx, repositoryId, { add: units });
    await stage(tx, repositoryId, units);
    return undefined;
  });
}

async function parse(bytes: Uint8Array, manifestDigest: string) {
  try {
    return await simpleFormat.parse(bytes);
  } catch (error) {
    if (isDomainError(error) && error.kind === 'invalid') throw refused(error.message, manifestDigest);
    throw error;
  }
}

/** The signature inside the entry; the client's name for it is only looked at, since ours follows from the bytes. */
function readEntry(body: Uint8Array, manifestDigest: string): Uint8Array {
  const entry = parseObject(body);
  if (!entry) throw refused('The body must be a JSON object.', manifestDigest);
  const { schemaVersion, type, name, content } = entry;
  if (schemaVersion !== 2) throw refused('schemaVersion must be 2.', manifestDigest);
  if (type !== 'atomic') throw refused('type must be atomic.', manifestDigest);
  const [digest = '', suffix = ''] = typeof name === 'string' ? name.split('@', 2) : [];
  if (!isDigest(digest) || !/^[0-9a-f]{32}$/.test(suffix))
    throw refused('name must be <manifest digest>@<32 hex digits>.', manifestDigest);
  if (typeof content !== 'string' || !isBase64(content))
    throw refused('content must be the signature in base64.', manifestDigest);
  return Buffer.from(content, 'base64');
}

function parseObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isBase64(text: string): boolean {
  return text.length > 0 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

const refused = (reason: string, manifestDigest: string) =>
  invalid(`signature invalid: ${reason}`, 'content', 'SIGNATURE_INVALID', { manifest_digest: manifestDigest, reason });
