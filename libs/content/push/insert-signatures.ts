import type { EntityManager } from 'typeorm';
import { digestOf, hexOf } from '#oci/digest.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import type { SignatureDraft } from './drafts.js';

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
  const ids: string[] = [];
  for (const draft of drafts) ids.push(await insertOne(tx, draft));
  if (carrierId !== undefined && ids.length > 0)
    await tx.query(
      `insert into signature_carrier (signature_id, carrier_id) select unnest($1::uuid[]), $2 on conflict do nothing`,
      [ids, carrierId],
    );
  return ids;
}

async function insertOne(tx: EntityManager, draft: SignatureDraft): Promise<string> {
  const digest = digestOf(draft.bytes);
  const [row] = await rowsOf<{ id: string }>(
    tx,
    `insert into signature (id, format, scheme, kind, manifest_digest, name, digest, key_id, fingerprint, reference, creator,
       timestamp, claims, signing_service_id, bytes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
     on conflict (manifest_digest, digest) do update set pulp_last_updated = signature.pulp_last_updated returning id`,
    [
      newId(),
      draft.format,
      draft.scheme,
      draft.kind,
      draft.manifestDigest,
      signatureName(draft.manifestDigest, digest),
      digest,
      draft.keyId,
      draft.fingerprint,
      draft.reference,
      draft.creator,
      draft.timestamp,
      draft.claims,
      draft.signingServiceId ?? null,
      Buffer.from(draft.bytes),
    ],
  );
  return row!.id;
}
