import type { Descriptor } from '#oci/descriptor.js';
import { type Digest, isDigest } from '#oci/digest.js';
import { MANIFEST_TYPES, MediaType } from '#oci/media-types.js';
import { jsonIn, nextPage, type RegistryReader } from './registry-reader.js';
import { badAnswer, overLimit, statusOf } from './upstream-error.js';

const PAGE_LIMIT = 4 * 1024 * 1024;
const MOST_PAGES = 100;
/** Most referrers of one subject: as many as the registry here is made for. */
const MOST_REFERRERS = 100_000;

/** Referrers by the API; undefined when the upstream does not have it. */
export async function fromApi(registry: RegistryReader, subject: Digest): Promise<Descriptor[] | undefined> {
  const found = new Map<string, Descriptor>();
  const seen = new Set<string>();
  let url: URL | undefined = registry.url(`/v2/${registry.upstream.name}/referrers/${subject}`);
  while (url) {
    if (seen.has(url.href)) throw badAnswer(url, 'the pages of the referrers lead in a loop');
    seen.add(url.href);
    if (seen.size > MOST_PAGES) throw overLimit(url, `the referrers have more than ${MOST_PAGES} pages`);
    const page = await readPage(registry, url, seen.size === 1);
    if (!page) return undefined;
    for (const each of page.descriptors) found.set(each.digest, each);
    if (found.size > MOST_REFERRERS)
      throw overLimit(url, `there are more than ${MOST_REFERRERS} referrers of one image`);
    url = nextPage(page.link, url, registry.upstream.url);
  }
  return [...found.values()];
}

async function readPage(registry: RegistryReader, url: URL, first: boolean) {
  try {
    return await registry.read(url, PAGE_LIMIT, (bytes, answer) => {
      const type = (answer.header('content-type') ?? '').split(';', 1)[0]!.trim();
      // Some servers answer every unknown path with a page of their own.
      if (first && type !== MediaType.ociIndex) return undefined;
      return { descriptors: descriptorsIn(bytes, url), link: answer.header('link') };
    });
  } catch (error) {
    if (first && NO_SUCH_API.has(statusOf(error))) return undefined;
    throw error;
  }
}

/** How servers answer to a path that they do not know. */
const NO_SUCH_API: ReadonlySet<number | undefined> = new Set([400, 404, 405, 406, 501]);

function descriptorsIn(bytes: Buffer, url: URL): Descriptor[] {
  const document = jsonIn(bytes, url, 'the list of referrers');
  const manifests = (document as { manifests?: unknown } | null)?.manifests ?? [];
  if (!Array.isArray(manifests)) throw badAnswer(url, 'the list of referrers has no manifests');
  return manifests.filter(isManifestDescriptor);
}

function isManifestDescriptor(value: unknown): value is Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof mediaType === 'string' &&
    MANIFEST_TYPES.has(mediaType) &&
    typeof digest === 'string' &&
    isDigest(digest) &&
    typeof size === 'number' &&
    Number.isSafeInteger(size) &&
    size >= 0
  );
}
