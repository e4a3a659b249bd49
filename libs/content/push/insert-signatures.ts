import type { EntityManager } from 'typeorm';
import { digestOf, hexOf } from '#oci/digest.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { storableJson } from '#platform/storable-json.js';
import type { SignatureDraft } from './drafts.js';

/** Rows of one statement. */
const BATCH = 500;

/** The name of a signature unit: the manifest's digest, `@`, and the first 32 hex digits of the signature's own digest. */
export function signatureName(manifestDigest: string, signatureDigest: string): string {
  return `${manifestDigest}@${hexOf(signatureDigest).slice(0, 32)}`;
}

/** Stores signature rows, reusing those with the same bytes for the same manifest, and ties them to their carrier. Ids in order. */
export async function insertSignatures(
  tx: EntityManager,
  drafts: readonly SignatureDraft[],
  carrierId?: string,
): Promise<string[]> {
  const named = drafts.map((draft) => {
    const digest = digestOf(draft.bytes);
    return { draft, digest, name: signatureName(draft.manifestDigest, digest) };
  });
  const distinct = new Map(named.map((each) => [keyOf(each.draft.manifestDigest, each.digest), each]));
  // Writers of the same rows take them in the same order.
  const ordered = [...distinct.keys()].sort().map((key) => distinct.get(key)!);
  const ids = new Map<string, string>();
  for (let at = 0; at < ordered.length; at += BATCH)
    for (const row of await insertRows(tx, ordered.slice(at, at + BATCH)))
      ids.set(keyOf(row.manifest_digest, row.digest), row.id);
  const found = named.map(({ draft, digest }) => ids.get(keyOf(draft.manifestDigest, digest))!);
  if (carrierId !== undefined && found.length > 0)
    await tx.query(
      `insert into signature_carrier (signature_id, carrier_id) select unnest($1::uuid[]), $2 on conflict do nothing`,
      [found, carrierId],
    );
  return found;
}

const keyOf = (manifestDigest: string, digest: string) => `${manifestDigest} ${digest}`;

interface NamedDraft {
  readonly draft: SignatureDraft;
  readonly digest: string;
  readonly name: string;
}

function insertRows(
  tx: EntityManager,
  batch: readonly NamedDraft[],
): Promise<{ id: string; manifest_digest: string; digest: string }[]> {
  const rows = batch.map(({ draft, digest, name }) => ({
    id: newId(),
    format: draft.format,
    scheme: draft.scheme,
    kind: draft.kind,
    manifest_digest: draft.manifestDigest,
    name,
    digest,
    key_id: draft.keyId,
    fingerprint: draft.fingerprint,
    reference: draft.reference,
    creator: draft.creator,
    timestamp: draft.timestamp,
    claims: draft.claims,
    signing_service_id: draft.signingServiceId ?? null,
  }));
  return rowsOf(
    tx,
    `insert into signature (id, format, scheme, kind, manifest_digest, name, digest, key_id, fingerprint, reference, creator,
       timestamp, claims, signing_service_id, bytes)
     select * from rows from (jsonb_to_recordset($1::jsonb) as (id uuid, format text, scheme text, kind text,
       manifest_digest text, name text, digest text, key_id text, fingerprint text, reference text, creator text,
       timestamp bigint, claims jsonb, signing_service_id uuid), unnest($2::bytea[])) as row
     on conflict (manifest_digest, digest) do update set pulp_last_updated = signature.pulp_last_updated
     returning id, manifest_digest, digest`,
    [storableJson(rows), batch.map(({ draft }) => Buffer.from(draft.bytes))],
  );
}
