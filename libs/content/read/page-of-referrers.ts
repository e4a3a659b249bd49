import type { DataSource } from 'typeorm';
import type { ReadView } from './find-manifest.js';
import { findReferrers, type FoundReferrer, type ReferrersQuery } from './find-referrers.js';
import { referrerDescriptor } from './render-referrers.js';

/** Largest page in bytes: some clients read one page and no more than this. */
export const PAGE_BYTES = 4 * 1024 * 1024 - 1024;

/** Referrers whose descriptors fit one page. */
export interface ReferrersPage {
  readonly referrers: readonly FoundReferrer[];
  /** Id of the manifest after which the next page begins; absent when this is the last. */
  readonly next?: string;
}

/** As many referrers of a subject as fit one page, and one at least. */
export async function pageOfReferrers(
  source: DataSource,
  view: ReadView,
  subject: string,
  query: ReferrersQuery = {},
): Promise<ReferrersPage> {
  const page: FoundReferrer[] = [];
  let bytes = 0;
  for (let { after } = query; ; after = page.at(-1)!.id) {
    const { referrers, more } = await findReferrers(source, view, subject, { ...query, after });
    for (const each of referrers) {
      bytes += Buffer.byteLength(JSON.stringify(referrerDescriptor(each))) + 1;
      if (bytes > PAGE_BYTES && page.length > 0) return { referrers: page, next: page.at(-1)!.id };
      page.push(each);
    }
    if (!more) return { referrers: page };
  }
}
