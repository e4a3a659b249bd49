import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { blobPath } from '#transfer/oci-layout/layout-names.js';
import { END_OF_ARCHIVE } from '#transfer/oci-layout/tar/tar-writer.js';
import { archive, indexOf, type Member, member, ofType } from './archives.js';

const MIB = 1024 * 1024;
/** A pax header of records. */
export const pax = (records: string): Member => ({ path: 'PaxHeader', bytes: records, alter: ofType('x') });
const put = (at: number, text: string) => (header: Buffer) => void header.write(text, at, 'latin1');

const manifestDigest = (good: readonly Member[]) =>
  (JSON.parse(String(good[1]!.bytes)) as { manifests: { digest: string }[] }).manifests[0]!.digest;
const lookaside = (digest: string, bytes: string): Member => ({
  path: `signatures/atomic/a@${digest.replace(':', '=')}/signature-1`,
  bytes,
});

/** Every case is a good layout with something added or changed. */
export const hostileArchives = (
  good: readonly Member[],
): readonly [name: string, refusal: RegExp, make: () => Buffer][] => [
  ['F1 a symbolic link', /symbolic link/, () => archive([...good, { path: 'x', alter: ofType('2', '/etc/passwd') }])],
  ['F1 a hard link', /hard link/, () => archive([...good, { path: 'x', alter: ofType('1', 'index.json') }])],
  ['F1 a character device', /character device/, () => archive([...good, { path: 'x', alter: ofType('3') }])],
  ['F1 a block device', /block device/, () => archive([...good, { path: 'x', alter: ofType('4') }])],
  ['F1 a named pipe', /named pipe/, () => archive([...good, { path: 'x', alter: ofType('6') }])],
  ['F1 a sparse file', /sparse/, () => archive([...good, { path: 'x', alter: ofType('S') }])],
  ['F1 a sparse file of pax', /GNU\.sparse/, () => archive([...good, pax('22 GNU.sparse.major=1\n'), { path: 'x' }])],
  ['F1 an unknown type', /type "Z"/, () => archive([...good, { path: 'x', alter: ofType('Z') }])],
  ['F1 a name that leaves the folder', /leaves its folder/, () => archive([...good, { path: '../x' }])],
  ['F1 a name that leaves it further in', /leaves its folder/, () => archive([...good, { path: 'a/../../x' }])],
  ['F1 an absolute name', /absolute/, () => archive([...good, { path: '/etc/x' }])],
  ['F1 an absolute name in a pax header', /absolute/, () => archive([...good, pax('15 path=/etc/x\n'), { path: 'x' }])],
  ['F1 a backslash', /malformed name/, () => archive([...good, { path: 'a\\b' }])],
  ['F1 a line break in a name', /malformed name/, () => archive([...good, { path: 'a\nb' }])],
  ['F1 a name twice', /twice/, () => archive([...good, good[1]!])],
  ['F1 a name twice in two spellings', /twice/, () => archive([...good, { path: './index.json', bytes: '{}' }])],
  ['F1 a file that is a folder too', /as a file and as a folder/, () => archive([...good, { path: 'index.json/x' }])],
  ['F1 a name over a folder', /twice/, () => archive([...good, { path: 'blobs' }])],
  [
    'F1 two names for one member',
    /two names/,
    () => archive([...good, pax('9 path=a\n'), pax('9 path=b\n'), { path: 'x' }]),
  ],
  ['F1 a pax key twice', /twice/, () => archive([...good, pax('9 path=a\n9 path=b\n'), { path: 'x' }])],
  ['F1 a pax link', /linkpath/, () => archive([...good, pax('14 linkpath=a\n'), { path: 'x' }])],
  [
    'F1 a pax record that is longer than its header',
    /malformed/,
    () => archive([...good, pax('99 path=a\n'), { path: 'x' }]),
  ],
  ['F1 a pax record without a length', /malformed/, () => archive([...good, pax('path=a\n'), { path: 'x' }])],
  ['F1 a pax size that is no number', /size/, () => archive([...good, pax('11 size=-1\n'), { path: 'x' }])],
  [
    'F1 a global pax header that names members',
    /global/,
    () => archive([...good, { ...pax('9 path=a\n'), alter: ofType('g') }, { path: 'x' }]),
  ],
  [
    'F1 a pax header without end',
    /extended header of more/,
    () => archive([...good, pax('x'.repeat(70_000)), { path: 'x' }]),
  ],
  [
    'F2 a negative size',
    /size/,
    () => archive([...good, { path: 'x', alter: put(124, '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff') }]),
  ],
  [
    'F2 a size beyond all numbers',
    /size/,
    () => archive([...good, { path: 'x', alter: put(124, '\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff') }]),
  ],
  ['F2 a size beyond the archive', /cut off/, () => archive([...good, { path: 'x', alter: put(124, '00077777777') }])],
  [
    'F2 a damaged header',
    /damaged/,
    () => Buffer.concat([member(good[0]!), member(good[1]!).fill(0x41, 0, 5), END_OF_ARCHIVE]),
  ],
  ['F2 an archive without its end mark', /cut off/, () => archive(good, Buffer.alloc(0))],
  ['F2 an archive with half an end mark', /cut off/, () => archive(good, Buffer.alloc(512))],
  ['F2 an archive cut inside a member', /cut off/, () => archive(good).subarray(0, 2100)],
  [
    'F2 bytes after the end',
    /follow the end/,
    () => archive(good, Buffer.concat([END_OF_ARCHIVE, Buffer.alloc(512), Buffer.from('x')])),
  ],
  ['F2 a second archive after the end', /follow the end/, () => Buffer.concat([archive(good), archive(good)])],
  [
    'F2 a member after a zero block',
    /zero block/,
    () => Buffer.concat([archive(good, Buffer.alloc(512)), member({ path: 'x' })]),
  ],
  ['F2 an empty body', /empty/, () => Buffer.alloc(0)],
  ['F2 something else', /not a tar/, () => Buffer.alloc(2048, 'text ')],
  [
    'F2 a blob with other bytes',
    /have the digest/,
    () => archive([...good, { path: blobPath(digestOf('a')), bytes: 'b' }]),
  ],
  [
    'F2 a blob not named by a digest',
    /not named by a digest/,
    () => archive([...good, { path: 'blobs/sha256/abc', bytes: 'b' }]),
  ],
  [
    'F2 a blob in capital letters',
    /not named by a digest/,
    () =>
      archive([
        ...good,
        { path: blobPath(digestOf('a')).toUpperCase().replace('BLOBS/SHA256', 'blobs/sha256'), bytes: 'a' },
      ]),
  ],
  [
    'F2 a missing layer',
    /lacks 1 of the files/,
    () => archive(good.filter(({ bytes }) => !String(bytes).startsWith('layer'))),
  ],
  ['F2 an index that names what is not there', /lacks 1 of the files/, () => archive([good[0]!, good[1]!])],
  [
    'F2 an index with a wrong size',
    /gives 1 bytes/,
    () =>
      archive([
        good[0]!,
        {
          path: 'index.json',
          bytes: indexOf([{ mediaType: MediaType.ociManifest, digest: digestOf('layer of good'), size: 1 }]),
        },
        ...good.slice(2),
      ]),
  ],
  [
    'F2 an index that calls a layer a manifest',
    /is not usable/,
    () =>
      archive([
        good[0]!,
        {
          path: 'index.json',
          bytes: indexOf([{ mediaType: MediaType.ociManifest, digest: digestOf('layer of good'), size: 13 }]),
        },
        ...good.slice(2),
      ]),
  ],
  [
    'F2 an index with an image of schema 1',
    /of schema 1, which is not supported/,
    () =>
      archive([
        good[0]!,
        {
          path: 'index.json',
          bytes: indexOf([{ mediaType: MediaType.dockerSchema1Signed, digest: digestOf('layer of good'), size: 13 }]),
        },
        ...good.slice(2),
      ]),
  ],
  ['F2 gzip inside gzip', /not a tar/, () => gzipSync(gzipSync(archive(good)))],
  [
    'F2 an index that is no JSON',
    /not usable JSON/,
    () => archive([good[0]!, { path: 'index.json', bytes: '{"manifests":[],"manifests":[]}' }]),
  ],
  ['F2 no index', /no file index\.json/, () => archive(good.filter(({ path }) => path !== 'index.json'))],
  ['F2 no layout', /no OCI image layout/, () => archive([{ path: 'readme', bytes: 'x' }])],
  ['F2 docker save before 25', /docker save/, () => archive([{ path: 'manifest.json', bytes: '[]' }])],
  [
    'F2 docker-archive of skopeo',
    /docker-archive/,
    () => archive([{ path: `${'a'.repeat(64)}/layer.tar`, alter: ofType('2', '../b.tar') }, { path: 'manifest.json' }]),
  ],
  [
    'F2 zstd in more frames than anybody makes',
    /compressed in too many pieces/,
    () => Buffer.concat(Array<Buffer>(2000).fill(zstdCompressSync(Buffer.alloc(0)))),
  ],
  [
    'F2 another layout version',
    /imageLayoutVersion/,
    () => archive([{ path: 'oci-layout', bytes: '{"imageLayoutVersion":"2.0.0"}' }, ...good.slice(1)]),
  ],
  [
    'F2 two layouts',
    /one layout at a time/,
    () =>
      archive(
        [...good, ...good].map((each, at) => ({ ...each, path: `${at < good.length ? 'a' : 'b'}/${each.path}` })),
      ),
  ],
  [
    'F2 a file beside the folder',
    /one layout at a time/,
    () => archive([...good.map((each) => ({ ...each, path: `a/${each.path}` })), { path: 'x' }]),
  ],
  ['F2 gzip that is cut off', /cannot be decompressed/, () => gzipSync(archive(good)).subarray(0, -20)],
  [
    'F2 gzip with bytes after it',
    /follow the end|cannot be decompressed/,
    () => Buffer.concat([gzipSync(archive(good)), Buffer.from('more')]),
  ],
  ['F2 zstd that is cut off', /cannot be decompressed/, () => zstdCompressSync(archive(good)).subarray(0, -20)],
  [
    'F2 zstd with bytes after it',
    /follow the end/,
    () => Buffer.concat([zstdCompressSync(archive(good)), Buffer.from('more')]),
  ],
  [
    'F2 a bomb of gzip',
    /grows more than 200 times/,
    () => gzipSync(archive([...good, { path: 'zeros', bytes: Buffer.alloc(96 * MIB) }])),
  ],
  [
    'F2 a bomb of zstd',
    /grows more than 200 times/,
    () => zstdCompressSync(archive([...good, { path: 'zeros', bytes: Buffer.alloc(96 * MIB) }])),
  ],
  [
    'F2 a simple signature that is none',
    /no simple signature/,
    () => archive([...good, lookaside(manifestDigest(good), 'x')]),
  ],
];
