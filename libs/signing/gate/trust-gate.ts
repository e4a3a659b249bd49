import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import type { ServedPath } from '#content/distributions/find-distribution.js';
import { findByDigest, type FoundBlob, type FoundManifest } from '#content/read/find-manifest.js';
import { looksLikeDigest } from '#oci/digest.js';
import { readStoredManifest } from '#oci/manifest.js';
import { isAttachmentTag } from '#oci/reference.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { queryPrepared } from '#platform/database.js';
import { DomainError, isDomainError } from '#platform/domain-error.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { POLICY_FORMATS } from '../formats/all.js';
import type { TrustMaterial } from '../trust-material.js';
import type { TrustPolicyEntity } from '../trust-policy.entity.js';
import { findUnusable, readTrust } from '../verify/read-trust.js';
import type { VerificationReport } from '../verify/verify-manifest.js';
import { verifyStored } from '../verify/verify-reference.js';
import { findNamers, findParents, findTags } from './find-parents.js';
import { type BlobSource, isRunnable } from './is-runnable.js';

/** What the gate says of one manifest. */
export interface GateDecision {
  readonly allowed: boolean;
  readonly policy: string;
  readonly mode: 'enforce' | 'audit';
  /** Why it is not trusted; absent when it is. */
  readonly reason?: string;
}

const TRUSTED: Pick<GateDecision, 'allowed'> = { allowed: true };

/** In place of a reference: no tag is like this. */
const AS_BLOB = '(blob)';

/** A policy as it is in its row; another `stamp` is another policy. */
interface Policy extends Pick<TrustPolicyEntity, 'id' | 'name' | 'mode' | 'required'> {
  readonly stamp: string;
  readonly trust: TrustMaterial;
  /** Why it cannot be used, and trusts nobody. */
  readonly problem?: string;
}

/**
 * Refuses to serve what fails the trust policy of a distribution. Images and indexes need as many verified signatures by
 * different keys as the policy asks for; what a trusted index lists passes with it, at whatever depth; signatures and other
 * attachments pass unless they can be run, since clients need them to see for themselves; blobs pass with what names them.
 * Verdicts are kept for the version that they were made in.
 */
@Injectable()
export class TrustGate {
  private readonly verdicts = new LRUCache<string, Promise<GateDecision>>({ max: 10_000, ttl: 60_000 });
  private readonly policies = new LRUCache<string, Policy>({ max: 1000 });

  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  /** Throws DENIED when a manifest may not be served under this reference (tag or digest); undefined without a policy. */
  async demand(served: ServedPath, manifest: FoundManifest, reference: string): Promise<GateDecision | undefined> {
    const decision = await this.decide(served, manifest, reference);
    if (decision && !decision.allowed) throw denied(decision, manifest.digest);
    return decision;
  }

  /** As {@link demand}, for a blob: one that is only in manifests which may not be served. What no manifest names passes. */
  async demandBlob(served: ServedPath, blob: FoundBlob): Promise<void> {
    const decision = await this.decideBlob(served, blob);
    if (decision && !decision.allowed) throw denied(decision, blob.digest);
  }

  /** The decision on a blob; undefined when the distribution has no policy. */
  async decideBlob(served: ServedPath, blob: FoundBlob): Promise<GateDecision | undefined> {
    const policy = await this.policyFor(served);
    return policy && this.remember(served, policy, blob.digest, AS_BLOB, () => this.judgeBlob(served, policy, blob));
  }

  /** The decision on a manifest; undefined when the distribution has no policy. */
  async decide(served: ServedPath, manifest: FoundManifest, reference: string): Promise<GateDecision | undefined> {
    const policy = await this.policyFor(served);
    return policy && this.decideBy(served, policy, manifest, reference);
  }

  private decideBy(
    served: ServedPath,
    policy: Policy,
    manifest: FoundManifest,
    reference: string,
  ): Promise<GateDecision> {
    return this.remember(served, policy, manifest.digest, reference, () =>
      this.judge(served, policy, manifest, reference),
    );
  }

  /** Keeps a decision, and whoever else asks waits for it, for as long as nothing changes that it was made from. */
  private remember(
    { basePath, repositoryId, pinned, revision }: ServedPath,
    { id, stamp }: Policy,
    digest: string,
    reference: string,
    judge: () => Promise<GateDecision>,
  ): Promise<GateDecision> {
    const key = [id, stamp, basePath, repositoryId, pinned ?? `r${revision}`, digest, reference].join(' ');
    const known = this.verdicts.get(key);
    if (known) return known;
    const judging = judge();
    this.verdicts.set(key, judging);
    judging.catch(() => this.verdicts.delete(key));
    return judging;
  }

  /** As trusted as the most trusted manifest that names it. */
  private async judgeBlob(served: ServedPath, policy: Policy, { id }: FoundBlob): Promise<GateDecision> {
    let decision: GateDecision | undefined;
    const view = viewOf(served);
    for await (const digest of findNamers(this.source, view, id)) {
      const manifest = await findByDigest(this.source, view, digest);
      decision = manifest ? await this.decideBy(served, policy, manifest, digest) : decision;
      if (decision?.allowed) return decision;
    }
    return decision ?? { policy: policy.name, mode: policy.mode, ...TRUSTED };
  }

  private async judge(
    served: ServedPath,
    policy: Policy,
    manifest: FoundManifest,
    reference: string,
  ): Promise<GateDecision> {
    const base = { policy: policy.name, mode: policy.mode };
    const view = viewOf(served);
    if (
      manifest.rendered ||
      (await isAttachment({ source: this.source, store: this.store, view }, manifest, reference))
    )
      return { ...base, ...TRUSTED };
    const own = await this.verifyServed(served, policy, manifest, reference);
    if (own === undefined) return { ...base, ...TRUSTED };
    for (const parent of await findParents(this.source, view, manifest.id))
      if ((await this.verifyServed(served, policy, parent, parent.digest)) === undefined)
        return { ...base, ...TRUSTED };
    return { ...base, allowed: policy.mode === 'audit', reason: own };
  }

  /**
   * As {@link verify}. Clients ask for the digest that a tag led them to, and a containers policy may be about tags: what is
   * served under a tag is served by its digest.
   */
  private async verifyServed(
    served: ServedPath,
    policy: Policy,
    manifest: FoundManifest,
    reference: string,
  ): Promise<string | undefined> {
    const own = await this.verify(served, policy, manifest, reference);
    if (
      own === undefined ||
      own === UNSIGNED ||
      policy.trust.containersPolicy === undefined ||
      !looksLikeDigest(reference)
    )
      return own;
    const view = viewOf(served);
    for (const tag of await findTags(this.source, view, manifest.id))
      if ((await this.verify(served, policy, manifest, tag)) === undefined) return undefined;
    return own;
  }

  /** Undefined when enough signatures are verified, else why not. */
  private async verify(
    served: ServedPath,
    policy: Policy,
    manifest: FoundManifest,
    reference: string,
  ): Promise<string | undefined> {
    if (policy.problem !== undefined) return policy.problem;
    const view = viewOf(served);
    const separator = reference.includes(':') ? '@' : ':';
    const full = `${this.config.publicHost}/${served.basePath}${separator}${reference}`;
    const report = await verifyStored(this.source, view, manifest, full, policy.trust, POLICY_FORMATS);
    return report.signers.length >= policy.required ? undefined : reasonOf(report, policy.required);
  }

  /**
   * The policy of a path as it was when the path was looked up, or newer: read when its stamp is another one. Throws DENIED
   * when the path names a policy that is not there.
   */
  private async policyFor(served: ServedPath): Promise<Policy | undefined> {
    const { trustPolicyId, trustPolicyStamp, repositoryId, basePath } = served;
    if (trustPolicyId === null || repositoryId === null) return undefined;
    const known = this.policies.get(trustPolicyId);
    if (known && known.stamp === trustPolicyStamp) return known;
    const [row] = await queryPrepared<Omit<Policy, 'trust'> & { trust: unknown }>(
      this.source,
      'trust-policy',
      'select id, name, mode, required, trust, xmin::text as stamp from trust_policy where id = $1',
      [trustPolicyId],
    );
    if (!row) throw new DomainError('forbidden', 'DENIED', `The trust policy of ${basePath} is not there any more.`);
    const policy = { ...row, ...trustIn(row.trust) };
    this.policies.set(trustPolicyId, policy);
    return policy;
  }
}

/** What is stored may be older than a rule for it. */
function trustIn(stored: unknown): Pick<Policy, 'trust' | 'problem'> {
  try {
    const trust = readTrust(stored);
    const problem = findUnusable(trust);
    if (!problem) return { trust };
    throw problem;
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return { trust: readTrust({}), problem: `it cannot be used: ${error.message}` };
  }
}

const viewOf = ({ repositoryId, pinned }: ServedPath) => ({ repositoryId: repositoryId!, pinned });

const UNSIGNED = 'it has no signature (NO_SIGNATURE)';

function denied({ policy, reason = 'it is not trusted' }: GateDecision, digest: string): DomainError {
  return new DomainError(
    'forbidden',
    'DENIED',
    `The trust policy '${policy}' of this repository refuses ${digest}: ${reason}.`,
    { detail: { policy, digest, reason } },
  );
}

function reasonOf(report: VerificationReport, required: number): string {
  if (report.signatures.length === 0) return UNSIGNED;
  const rest = report.code === 'RESOURCE_LIMIT' ? '; it has more signatures than can be looked at' : '';
  if (report.verified)
    return `it has ${report.signers.length} of ${required} verified signatures by different signers${rest}`;
  if (report.signatures.some(({ verified }) => verified))
    return `its signatures do not meet all requirements of the containers policy${rest}`;
  const codes = report.signatures.map(({ checks }) =>
    checks.find((check) => check.result === 'fail' && check.action === 'enforce'),
  );
  const first = codes.find((check) => check !== undefined);
  return `none of its ${report.signatures.length} signatures is trusted (${first?.code ?? 'UNKNOWN_KEY'}: ${first?.detail ?? 'no key matches'})${rest}`;
}

/** A manifest that refers to another one, or that a companion tag names, and that nobody can run. */
async function isAttachment(from: BlobSource, manifest: FoundManifest, reference: string): Promise<boolean> {
  if (!isAttachmentTag(reference) && !(await isReferrer(from, manifest.id))) return false;
  // Whoever may push could else call any image an attachment.
  const parsed = readStoredManifest(manifest.bytes, manifest.mediaType);
  return parsed !== undefined && !(await isRunnable(from, parsed));
}

async function isReferrer({ source, view }: BlobSource, manifestId: string): Promise<boolean> {
  const rows = await queryPrepared(
    source,
    'is-referrer',
    `select 1 from relation l where l.referrer_id = $1
       and exists (select 1 from membership m where m.repository_id = $2 and m.unit_id = l.referrer_id) limit 1`,
    [manifestId, view.repositoryId],
  );
  return rows.length > 0;
}
