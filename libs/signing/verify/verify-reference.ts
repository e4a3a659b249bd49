import type { DataSource } from 'typeorm';
import { findDistribution } from '#content/distributions/find-distribution.js';
import { findByDigest, findByTag, type FoundManifest, type ReadView } from '#content/read/find-manifest.js';
import { findSignatures } from '#content/read/find-referrers.js';
import { parseImageReference } from '#oci/reference.js';
import { invalid, notFound } from '#platform/domain-error.js';
import type { FormatName } from '../formats/signature-format.js';
import type { TrustMaterial } from '../trust-material.js';
import { type VerificationReport, verifyManifest } from './verify-manifest.js';

/** A reference that was looked up: what is served there now. */
export interface ResolvedReference {
  readonly reference: string;
  readonly basePath: string;
  readonly distributionId: string;
  readonly repositoryId: string;
  readonly pinned: number | null;
  readonly manifest: FoundManifest;
}

/**
 * Finds what `[host/]name:tag` or `[host/]name@digest` means here; a missing host is `publicHost`. A path that may not be read
 * is one where nothing is served.
 */
export async function resolveReference(
  source: DataSource,
  publicHost: string,
  text: string,
  mayRead: (basePath: string) => Promise<boolean>,
): Promise<ResolvedReference> {
  const withHost = text.startsWith(`${publicHost}/`) ? text : (parsedLocal(text, publicHost) ?? text);
  const parsed = parseImageReference(withHost);
  if (!parsed) throw invalid('The reference must be like host/name:tag or host/name@sha256:….', 'reference');
  const served = await findDistribution(source, parsed.name);
  if (!served?.repositoryId || !(await mayRead(served.basePath)))
    throw notFound(`Nothing is served at ${parsed.name}.`, 'NAME_UNKNOWN');
  const view = { repositoryId: served.repositoryId, pinned: served.pinned };
  const tag = parsed.tag ?? (parsed.digest ? undefined : 'latest');
  const manifest = parsed.digest
    ? await findByDigest(source, view, parsed.digest)
    : await findByTag(source, view, tag!);
  if (!manifest) throw notFound(`${parsed.name} has no manifest ${parsed.digest ?? tag}.`, 'MANIFEST_UNKNOWN');
  const reference = `${parsed.host}/${parsed.name}${tag === undefined ? '' : `:${tag}`}${parsed.digest ? `@${parsed.digest}` : ''}`;
  const { basePath, distributionId } = served;
  return { reference, basePath, distributionId, ...view, manifest };
}

/** A name of ours without a host: when the first component is no host, ours is put in front. */
function parsedLocal(text: string, publicHost: string): string | undefined {
  const first = text.split('/', 1)[0] ?? '';
  const looksLikeHost = text.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost');
  return looksLikeHost ? undefined : `${publicHost}/${text}`;
}

/**
 * Judges the signatures of a manifest in a version, those of some families or all, under the reference by which it is asked
 * for. Of more than can be looked at, which only somebody makes who wants to stop this, the rest is left out, and the report
 * says so.
 */
export async function verifyStored(
  source: DataSource,
  view: ReadView,
  manifest: FoundManifest,
  reference: string,
  trust: TrustMaterial,
  formats?: readonly FormatName[],
): Promise<VerificationReport> {
  const { signatures, more } = await findSignatures(source, view, manifest.digest, formats);
  const given = signatures.map(({ id, digest, format, bytes }) => ({
    id,
    digest,
    format: format as FormatName,
    bytes,
  }));
  const report = await verifyManifest(manifest, given, reference, trust);
  return more ? { ...report, code: 'RESOURCE_LIMIT' } : report;
}
