import fc from 'fast-check';
import { CONFIG_BLOB, image, LAYERS } from './fast-path-images.js';

/** Paths: three with content, one without, one that looks like another route. */
export const NAMES = ['team/app', 'team/deep/er', 'solo', 'team/none', 'a/manifests/b'] as const;
/** Tags that come and go. */
export const TAGS = ['latest', 'v1', 'v2', 'sha256-x'] as const;
const images = Array.from({ length: 4 }, (_, at) => image(at));
const referrers = images
  .slice(0, 2)
  .flatMap((subject, at) => [image(10 + at, subject), image(20 + at, subject, 'application/vnd.test+sig')]);
/** Images, and referrers of two of them. */
export const manifests = [...images, ...referrers];

/** A read as somebody sends it. */
export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly who: string;
  readonly headers: Readonly<Record<string, string>>;
}

const name = fc.constantFrom(...NAMES, ...NAMES.slice(0, 3), ...NAMES.slice(0, 3));
/** Digests of manifests. */
export const digest = fc.constantFrom(...manifests.map((each) => each.digest));
const blobDigest = fc.constantFrom(CONFIG_BLOB.digest, LAYERS[0].digest, LAYERS[1].digest, images[0]!.digest);
/** Tag names. */
export const tag = fc.constantFrom(...TAGS);
const reference = fc.oneof(
  { weight: 5, arbitrary: tag },
  { weight: 3, arbitrary: digest },
  { weight: 1, arbitrary: fc.constantFrom('v1%20', 'v%31', '-bad', 'sha256:abc', 'sha256%3A00', '') },
);
const listQuery = fc.constantFrom(
  '',
  '?n=1',
  '?n=2&last=latest',
  '?last=v1',
  '?n=0',
  '?n=x',
  '?n=1&n=2',
  '?n=99999',
  '?n=',
  '?x=1',
);
const typeQuery = fc.constantFrom(
  '',
  '?artifactType=application/vnd.test.sbom',
  '?artifactType=application/vnd.test+sig',
  '?artifactType=application%2Fvnd.test%2Bsig',
  '?artifactType=',
  '?artifactType=a&artifactType=b',
  '?artifactType=%zz',
  '?last=x',
);
const path = fc.oneof(
  fc.tuple(name, reference, fc.constantFrom('', '', '', '?x=1')).map(([n, r, q]) => `/v2/${n}/manifests/${r}${q}`),
  fc.tuple(name, blobDigest).map(([n, d]) => `/v2/${n}/blobs/${d}`),
  fc.tuple(name, digest, typeQuery).map(([n, d, q]) => `/v2/${n}/referrers/${d}${q}`),
  fc.tuple(name, listQuery).map(([n, q]) => `/v2/${n}/tags/list${q}`),
  fc.constantFrom<string>(
    '/v2/',
    '/v2',
    '/v2/team%2Fapp/manifests/latest',
    '/v2/team//app/manifests/latest',
    '/v2/TEAM/app/manifests/latest',
    '/v2/team/app/manifests/latest/',
    '/v2/team/app/../app/manifests/latest',
    '/v2/team/app/tags/list/',
    'http://registry.test/v2/team/app/manifests/latest',
    '/v2/team/app/manifests/latest#x',
  ),
);
const headers = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  {},
  {},
  { 'if-none-match': `"${images[0]!.digest}"` },
  { 'if-none-match': `"x", W/"${images[1]!.digest}"` },
  { 'if-none-match': '*' },
  { 'if-none-match': `"${LAYERS[0].digest}"` },
  { range: 'bytes=0-9' },
  { 'content-length': '0' },
  { 'x-accel-offload': '1' },
  { accept: 'application/vnd.oci.image.index.v1+json' },
);
const who = fc.constantFrom(
  'nobody',
  'nobody',
  'admin',
  'alice',
  'bob',
  'empty',
  'odd',
  'token alice',
  'token nobody',
  'token other',
  'token bad',
);
const method = fc.constantFrom(...Array<string>(8).fill('GET'), ...Array<string>(4).fill('HEAD'), 'POST', 'OPTIONS');
const range = fc.constantFrom(
  'bytes=0-9',
  'bytes=999999999-',
  'bytes=0-',
  'bytes=490-600',
  'bytes=131071-131080',
  'bytes=299999-',
  'bytes=-7',
  'bytes=-999999999',
  'bytes=-0',
  'bytes=9-3',
  'bytes=x',
  'chunks=0-1',
  'BYTES=1-1',
  'bytes=400-0,1-2',
  'bytes=0-499999,0-499999',
  'bytes=0-0,-1',
);
const condition = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  {},
  {},
  { 'if-range': `"${LAYERS[0].digest}"` },
  { 'if-range': `"${LAYERS[1].digest}"` },
  { 'if-range': `W/"${LAYERS[1].digest}"` },
  { 'if-range': 'Sat, 21 Nov 2026 10:00:00 GMT' },
  { 'if-none-match': `"${LAYERS[1].digest}"` },
  { 'x-accel-offload': '1' },
);
const askForPart = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD'),
  path: fc.tuple(fc.constantFrom(...NAMES.slice(0, 3)), blobDigest).map(([n, d]) => `/v2/${n}/blobs/${d}`),
  who,
  headers: fc.tuple(range, condition).map(([each, more]) => ({ range: each, ...more })),
});

/** Reads of every kind; ranges of blobs are a third of them. */
export const ask: fc.Arbitrary<Ask> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ method, path, who, headers }) },
  { weight: 1, arbitrary: askForPart },
);
