import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { fallbackTagOf } from '#oci/reference.js';
import { announce, ChangeFeed } from '#platform/change-feed.js';
import { queryPrepared } from '#platform/database.js';
import { type FoundManifest, type ReadView, viewHas } from './find-manifest.js';
import { pageOfReferrers } from './page-of-referrers.js';
import { renderReferrers } from './render-referrers.js';

const TOPIC = 'rendered-fallback';

/**
 * Indexes of referrers for tags of the referrers tag schema that nobody stored, for clients that know nothing newer. Clients
 * read them by tag and then by digest, from whichever process: what one gave out the others hear of.
 */
@Injectable()
export class RenderedFallbacks implements OnModuleDestroy {
  /** Which subject an index is about, so that it is found again by its digest. */
  private readonly rendered = new LRUCache<string, string>({ max: 10_000 });
  private readonly stop: () => void;

  constructor(
    readonly source: DataSource,
    feed: ChangeFeed,
  ) {
    this.stop = feed.onChange(({ topic, key }) => {
      if (topic !== TOPIC) return;
      const [repositoryId, digest, subject] = key.split(' ') as [string, string, string];
      this.rendered.set(`${repositoryId} ${digest}`, subject);
    });
  }

  onModuleDestroy(): void {
    this.stop();
  }

  /** The index for a tag; undefined when nothing refers to what the tag is about. */
  async byTag(view: ReadView, tag: string): Promise<FoundManifest | undefined> {
    const subject = tag.startsWith('sha256-') ? tag.replace('-', ':') : await longSubject(this.source, view, tag);
    if (subject === undefined || fallbackTagOf(subject) !== tag) return undefined;
    const found = await this.render(view, subject);
    if (!found || this.rendered.has(`${view.repositoryId} ${found.digest}`)) return found;
    this.rendered.set(`${view.repositoryId} ${found.digest}`, subject);
    await announce(this.source.manager, TOPIC, `${view.repositoryId} ${found.digest} ${subject}`);
    return found;
  }

  /** An index that {@link byTag} gave out, when it is still what would be given out. */
  async byDigest(view: ReadView, digest: string): Promise<FoundManifest | undefined> {
    const subject = this.rendered.get(`${view.repositoryId} ${digest}`);
    const found = subject === undefined ? undefined : await this.render(view, subject);
    return found?.digest === digest ? found : undefined;
  }

  private async render(view: ReadView, subject: string): Promise<FoundManifest | undefined> {
    // More than one page is more than any client reads of a manifest.
    const { referrers } = await pageOfReferrers(this.source, view, subject);
    if (referrers.length === 0) return undefined;
    const bytes = renderReferrers(referrers);
    const digest = digestOf(bytes);
    return { id: digest, rendered: true, digest, mediaType: MediaType.ociIndex, size: bytes.length, bytes };
  }
}

/** A sha512 digest is cut in the tag: which one it is, the referrers in the view say. */
async function longSubject(source: DataSource, view: ReadView, tag: string): Promise<string | undefined> {
  const prefix = tag.replace('-', ':');
  const text = `select l.subject_digest as subject from relation l
    where l.subject_digest > $3 and l.subject_digest < $4 and ${viewHas('l.referrer_id')} limit 1`;
  const [row] = await queryPrepared<{ subject: string }>(source, 'subject-by-prefix', text, [
    view.repositoryId,
    view.pinned,
    prefix,
    `${prefix}g`,
  ]);
  return row?.subject;
}
