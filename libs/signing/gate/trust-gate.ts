import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import type { ServedPath } from '#content/distributions/find-distribution.js';
import { MEMBER_AT, type FoundManifest, type ReadView } from '#content/read/find-manifest.js';
import { ManifestError, type ParsedManifest, parseManifest } from '#oci/manifest.js';
import { isAttachmentTag } from '#oci/reference.js';
import { ChangeFeed } from '#platform/change-feed.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { queryPrepared } from '#platform/database.js';
import { DomainError } from '#platform/domain-error.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { TrustPolicyEntity } from '../trust-policy.entity.js';
import { readTrust } from '../verify/read-trust.js';
import type { VerificationReport } from '../verify/verify-manifest.js';
import { verifyStored } from '../verify/verify-reference.js';
import { nameSigner } from './name-signer.js';
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

/**
 * Refuses to serve what fails the trust policy of a distribution. Images and indexes need as many verified signatures by
 * different keys as the policy asks for; what a trusted index lists passes with it, at whatever depth; signatures and other attachments
 * pass unless they can be run, since clients need them to see for themselves. Verdicts are kept for the version that they were made in.
 */
@Injectable()
export class TrustGate {
  private readonly verdicts = new LRUCache<string, GateDecision>({ max: 10_000, ttl: 60_000 });
  /** Rises whenever a policy may have changed; what was read under an older one is not kept. */
  private epoch = 0;
  private readonly policies = new LRUCache<string, TrustPolicyEntity>({ max: 1000, ttl: 10_000 });

  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
    @Inject(ChangeFeed) private readonly feed: ChangeFeed,
  ) {
    const forget = () => {
      this.epoch += 1;
      this.policies.clear();
      this.verdicts.clear();
    };
    feed.onReset(forget);
    feed.onChange(({ topic }) => topic === 'trust-policy' && forget());
  }

  /** Throws DENIED when a manifest may not be served under this reference (tag or digest); undefined without a policy. */
  async demand(served: ServedPath, manifest: FoundManifest, reference: string): Promise<GateDecision | undefined> {
    const decision = await this.decide(served, manifest, reference);
    if (decision && !decision.allowed)
      throw new DomainError(
        'forbidden',
        'DENIED',
        `The trust policy '${decision.policy}' of this repository refuses ${manifest.digest}: ${decision.reason ?? 'it is not trusted'}.`,
        { detail: { policy: decision.policy, digest: manifest.digest, reason: decision.reason } },
      );
    return decision;
  }

  /** The decision on a manifest; undefined when the distribution has no policy. */
  async decide(served: ServedPath, manifest: FoundManifest, reference: string): Promise<GateDecision | undefined> {
    if (served.trustPolicyId === null || served.repositoryId === null) return undefined;
    const policy = await this.policyOf(served.trustPolicyId);
    if (!policy) return undefined;
    const key = [
      policy.id,
      policy.pulpLastUpdated.getTime(),
      served.basePath,
      served.pinned ?? `r${served.revision}`,
      manifest.digest,
      reference,
    ].join(' ');
    const known = this.verdicts.get(key);
    if (known) return known;
    const decision = await this.judge(served, policy, manifest, reference);
    this.verdicts.set(key, decision);
    return decision;
  }

  private async judge(
    served: ServedPath,
    policy: TrustPolicyEntity,
    manifest: FoundManifest,
    reference: string,
  ): Promise<GateDecision> {
    const base = { policy: policy.name, mode: policy.mode };
    const view = { repositoryId: served.repositoryId!, pinned: served.pinned };
    if (
      manifest.rendered ||
      (await isAttachment({ source: this.source, store: this.store, view }, manifest, reference))
    )
      return { ...base, ...TRUSTED };
    const own = await this.verify(served, policy, manifest, reference);
    if (own === undefined) return { ...base, ...TRUSTED };
    for (const parent of await parentsOf(this.source, view, manifest.id))
      if ((await this.verify(served, policy, parent, parent.digest)) === undefined) return { ...base, ...TRUSTED };
    return { ...base, allowed: policy.mode === 'audit', reason: own };
  }

  /** Undefined when enough signatures are verified, else why not. */
  private async verify(
    served: ServedPath,
    policy: TrustPolicyEntity,
    manifest: FoundManifest,
    reference: string,
  ): Promise<string | undefined> {
    const view = { repositoryId: served.repositoryId!, pinned: served.pinned };
    const separator = reference.includes(':') ? '@' : ':';
    const full = `${this.config.publicHost}/${served.basePath}${separator}${reference}`;
    const report = await verifyStored(this.source, view, manifest, full, readTrust(policy.trust));
    const signers = new Set(report.signatures.filter((each) => each.verified).map(nameSigner));
    if (report.verified && signers.size >= policy.required) return undefined;
    return reasonOf(report, signers.size, policy.required);
  }

  private async policyOf(id: string): Promise<TrustPolicyEntity | undefined> {
    const known = this.feed.connected ? this.policies.get(id) : undefined;
    if (known) return known;
    const { epoch } = this;
    const policy = await this.source.manager.findOneBy(TrustPolicyEntity, { id });
    if (policy && epoch === this.epoch) this.policies.set(id, policy);
    return policy ?? undefined;
  }
}

function reasonOf(report: VerificationReport, verified: number, required: number): string {
  if (report.signatures.length === 0) return 'it has no signature (NO_SIGNATURE)';
  if (verified >= required) return 'its signatures do not meet all requirements of the containers policy';
  const rest = report.code === 'RESOURCE_LIMIT' ? '; it has more signatures than can be looked at' : '';
  if (verified > 0) return `it has ${verified} of ${required} verified signatures by different signers${rest}`;
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
  const parsed = readable(manifest);
  return parsed !== undefined && !(await isRunnable(from, parsed));
}

/** Undefined for what was stored before it was found to be ambiguous: nobody knows what clients read in it. */
function readable({ bytes, mediaType }: FoundManifest): ParsedManifest | undefined {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof ManifestError) return undefined;
    throw error;
  }
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

/** Indexes of the version that list a manifest, or an index that does and so on; of too many the newest. */
function parentsOf(source: DataSource, view: ReadView, manifestId: string): Promise<FoundManifest[]> {
  const listing = `k.manifest_id from manifest_child k`;
  const isHere = `exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = k.manifest_id and ${MEMBER_AT})`;
  return queryPrepared<FoundManifest>(
    source,
    'parents-at',
    `with recursive above (id) as (
       select ${listing} where k.child_id = $3 and ${isHere}
       union select ${listing} join above on k.child_id = above.id where ${isHere})
     select c.id, c.digest, c.media_type as "mediaType", c.size, c.bytes from above join manifest c on c.id = above.id
     order by c.id desc limit 20`,
    [view.repositoryId, view.pinned, manifestId],
  );
}
