import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describe_, type Made, OCI_INDEX, OCI_MANIFEST, pushImage } from './content.js';
import { anyPath, check, expectSound, method, NAME } from './fuzz-requests.js';
import { head, type RawAnswer, sendRaw } from './raw-http.js';
import { type Answer, type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let image: Made;
beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, NAME, 'v1');
});
afterAll(() => registry?.close());

const sound = (answer: Answer, what: unknown) => expectSound(answer.status, answer.bytes.toString(), what);
const soundRaw = (answer: RawAnswer, what: unknown) =>
  expectSound(answer.status, / HEAD /.test(String(what)) ? '' : bodyOf(answer), what);

/** The body of an answer to a request that asked for no chunks. */
const bodyOf = ({ body, headers }: RawAnswer) => body.slice(0, Number(headers.get('Content-Length') ?? 0));

describe('whatever is asked', () => {
  it('by any path and query, the answer is none of our failures', async () => {
    await check(fc.tuple(method, anyPath), 400, async ([verb, path]) => {
      // What is no header line belongs to other tests.
      const line = `${verb} ${path.replaceAll(/[^!-~]/g, '')} HTTP/1.1`;
      soundRaw(await sendRaw(registry, head(registry, line, ['Content-Length: 0', 'Connection: close'])), ` ${line}`);
    });
  });

  it('with any header, the answer is none of our failures', async () => {
    const value = fc.oneof(
      fc.stringMatching(/^[ -~]{0,60}$/),
      fc.tuple(fc.nat(), fc.nat()).map(([from, to]) => `${from}-${to}`),
      fc
        .array(fc.tuple(fc.integer(), fc.integer()), { maxLength: 80 })
        .map((all) => `bytes=${all.map(([from, to]) => `${from}-${to}`).join(',')}`),
      fc.bigInt().map(String),
    );
    const header = fc.constantFrom(
      'Range',
      'Content-Range',
      'Accept',
      'Content-Type',
      'If-None-Match',
      'If-Match',
      'If-Range',
      'Authorization',
      'Content-Encoding',
      'Expect',
      'X-Accel-Offload',
    );
    const layer = (JSON.parse(image.bytes.toString()) as { layers: { digest: string }[] }).layers[0]!.digest;
    const paths = fc.constantFrom(
      `GET /v2/${NAME}/manifests/v1`,
      `GET /v2/${NAME}/blobs/${layer}`,
      `HEAD /v2/${NAME}/blobs/${layer}`,
      `POST /v2/${NAME}/blobs/uploads/`,
      `PUT /v2/${NAME}/manifests/fuzzed`,
      `GET /v2/${NAME}/tags/list`,
    );
    await check(fc.tuple(paths, header, value), 400, async ([path, key, text]) => {
      const lines = [`${key}: ${text}`, 'Content-Length: 0', 'Connection: close'];
      const as = key === 'Authorization' ? null : 'admin';
      const answer = await sendRaw(registry, head(registry, `${path} HTTP/1.1`, lines, as));
      soundRaw(answer, ` ${path} ${key}: ${text}`);
    });
  });
});

describe('whatever is pushed as a manifest', () => {
  const base = () => JSON.parse(image.bytes.toString()) as Record<string, unknown>;
  const json = fc.jsonValue({ maxDepth: 3 });
  const member = fc.constantFrom(
    'schemaVersion',
    'mediaType',
    'config',
    'layers',
    'manifests',
    'subject',
    'annotations',
    'artifactType',
    'blobs',
    'fsLayers',
    '__proto__',
    'x',
  );
  const inner = fc.constantFrom(
    'mediaType',
    'digest',
    'size',
    'urls',
    'data',
    'annotations',
    'platform',
    'artifactType',
  );
  const type = fc.constantFrom(
    OCI_MANIFEST,
    OCI_INDEX,
    'application/json',
    'text/x',
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.cncf.oras.artifact.manifest.v1+json',
    'application/vnd.oci.artifact.manifest.v1+json',
  );
  const put = (bytes: Buffer, contentType: string, at: string) =>
    registry.request('PUT', `/v2/${NAME}/manifests/${at}`, { headers: { 'content-type': contentType }, body: bytes });

  const taken = new Set<string>();
  /** What was taken is given back byte for byte, under its digest and no other. */
  async function expectKept(answer: Answer, bytes: Buffer): Promise<void> {
    sound(answer, bytes.toString('latin1').slice(0, 500));
    const got = await registry.request('GET', `/v2/${NAME}/manifests/${sha(bytes)}`);
    if (answer.status === 201 || bytes.equals(image.bytes)) taken.add(sha(bytes));
    if (taken.has(sha(bytes))) expect(got.bytes.equals(bytes)).toBe(true);
    else expect(got.status).toBe(404);
  }

  it('as valid JSON with changed members, it is kept as it is or refused', async () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '\0', '\ud800', '\udc00', 'é', '"', '\\', '\r\n'),
      maxLength: 5,
    });
    const change = fc.oneof(
      fc.record({ member, value: json }),
      fc.record({ member: fc.constant('annotations'), value: fc.dictionary(text, text) }),
      fc.record({ member: fc.constantFrom('artifactType', 'x'), value: text }),
      fc.record({ member: fc.constantFrom('config', 'subject'), inner, value: json }),
    ) as fc.Arbitrary<{ member: string; inner?: string; value: unknown }>;
    await check(
      fc.tuple(fc.array(change, { minLength: 1, maxLength: 3 }), type, fc.boolean()),
      300,
      async ([changes, contentType, tagged]) => {
        const document = { ...base(), subject: describe_(image) } as Record<string, unknown>;
        for (const each of changes) {
          const value = each.inner
            ? { ...(document[each.member] as object | undefined), [each.inner]: each.value }
            : each.value;
          Object.defineProperty(document, each.member, { value, enumerable: true, configurable: true, writable: true });
        }
        const bytes = Buffer.from(JSON.stringify(document));
        await expectKept(await put(bytes, contentType, tagged ? 'fuzzed' : sha(bytes)), bytes);
      },
    );
  });

  it('as bytes that were damaged, it is kept as it is or refused', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'insert')), {
      minLength: 1,
      maxLength: 4,
    });
    await check(damage, 300, async (damages) => {
      let bytes = Buffer.from(image.bytes);
      for (const [where, byte, how] of damages) {
        const at = where % Math.max(1, bytes.length);
        if (how === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        else
          bytes = Buffer.concat([
            bytes.subarray(0, at),
            Buffer.from([byte]),
            bytes.subarray(how === 'set' ? at + 1 : at),
          ]);
      }
      await expectKept(await put(bytes, OCI_MANIFEST, 'damaged'), bytes);
    });
  });
});
