import { isTagName } from '#oci/reference.js';
import { jsonIn, nextPage, type RegistryReader } from './registry-reader.js';
import { badAnswer, overLimit } from './upstream-error.js';

const PAGE_LIMIT = 16 * 1024 * 1024;
const MOST_PAGES = 10_000;
const MOST_TAGS = 1_000_000;
/** Pages in a row that may bring nothing new: some registries leave out what a user may not see. */
const MOST_IDLE_PAGES = 100;

/** All tags in the order of the upstream, each once. */
export async function listTags(registry: RegistryReader): Promise<string[]> {
  const { upstream } = registry;
  const tags = new Set<string>();
  const seen = new Set<string>();
  let idlePages = 0;
  let url: URL | undefined = registry.url(`/v2/${upstream.name}/tags/list`);
  while (url) {
    if (seen.has(url.href)) throw badAnswer(url, 'the pages of the tag list lead in a loop');
    seen.add(url.href);
    if (seen.size > MOST_PAGES || tags.size > MOST_TAGS)
      throw overLimit(url, `the tag list has no end; at most ${MOST_TAGS} tags are taken`);
    const page = await readPage(registry, url);
    const before = tags.size;
    for (const tag of page.tags) tags.add(tag);
    idlePages = tags.size === before ? idlePages + 1 : 0;
    if (idlePages > MOST_IDLE_PAGES) throw badAnswer(url, 'the pages of the tag list bring nothing new and do not end');
    url = nextPage(page.link, url, upstream.url);
  }
  return [...tags];
}

function readPage(registry: RegistryReader, url: URL): Promise<{ tags: string[]; link: string | undefined }> {
  return registry.read(url, PAGE_LIMIT, (bytes, answer) => {
    const document = jsonIn(bytes, url, 'the tag list');
    const tags = (document as { tags?: unknown } | null)?.tags ?? [];
    if (!Array.isArray(tags)) throw badAnswer(url, 'the tag list has no list of tags');
    const names = tags.filter((tag): tag is string => typeof tag === 'string' && isTagName(tag));
    return { tags: names, link: answer.header('link') };
  });
}
