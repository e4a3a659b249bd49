import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describe_, type Made, OCI_INDEX, OCI_MANIFEST, pushImage } from './content.js';
import { head, type RawAnswer, sendRaw } from './raw-http.js';
import { KNOWN_CODES } from './refusals.js';
import { type Answer, type RegistryProcess, sha, startRegistry } from './registry-process.js';
import { pathOf } from './upload-requests.js';

let registry: RegistryProcess;
let image: Made;
const NAME = 'fuzz/app';
beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, NAME, 'v1');
});
afterAll(() => registry?.close());

const SEED = 1123;
const check = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number, property: (value: T) => Promise<void>) =>
  fc.assert(fc.asyncProperty(arbitrary, property), { seed: SEED, numRuns });

/** Never our failure; every refusal in the OCI form with a code that clients know. */
function expectSound(status: number, body: string, what: unknown): void {
  const code = status < 400 || body === '' ? 'none' : firstCode(body);
  const sound = status > 0 && status < 500 && (code === 'none' || KNOWN_CODES.has(code));
  expect(sound ? 'sound' : { what, status, body: body.slice(0, 300) }).toBe('sound');
}

function firstCode(body: string): string {
  try {
    return (JSON.parse(body) as { errors: { code: string }[] }).errors[0]!.code;
  } catch {
    return 'no OCI body';
  }
}

const sound = (answer: Answer, what: unknown) => expectSound(answer.status, answer.bytes.toString(), what);
const soundRaw = (answer: RawAnswer, what: unknown) =>
  expectSound(answer.status, / HEAD /.test(String(what)) ? '' : bodyOf(answer), what);

/** The body of an answer to a request that asked for no chunks. */
const bodyOf = ({ body, headers }: RawAnswer) => body.slice(0, Number(headers.get('Content-Length') ?? 0));

const evil = fc.constantFrom(
  '..',
  '%2f',
  '%00',
  '%2e',
  '//',
  '\\',
  ':',
  '@',
  'sha256:',
  '_',
  '-',
  '.',
  '%',
  '%zz',
  '%c0%ae',
  '?',
  'a',
  'A',
  '/',
  'manifests',
  'blobs',
  'uploads',
  'tags',
  'list',
  'referrers',
  '\u00e9',
  '0'.repeat(70),
);
const piece = fc.oneof(evil, fc.stringMatching(/^[!-~]{1,12}$/), fc.string({ maxLength: 6 }).map(encodeURIComponent));
const word = fc.array(piece, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('').replaceAll(/[\s#]/g, ''));
const name = fc.oneof(fc.constant(NAME), word);
const reference = fc.oneof(fc.constantFrom('v1', sha('x'), sha('x', 'sha512')), word);
const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE');
const query = fc.oneof(
  fc.constant(''),
  fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'n',
          'last',
          'digest',
          'mount',
          'from',
          'tag',
          'artifactType',
          '__proto__',
          'digest-algorithm',
          'service',
          'scope',
        ),
        word,
      ),
      { maxLength: 4 },
    )
    .map((pairs) => `?${pairs.map(([key, value]) => `${key}=${value}`).join('&')}`),
);
const target = fc
  .tuple(
    name,
    fc.constantFrom('manifests', 'blobs', 'blobs/uploads', 'referrers', 'tags', '_oras/artifacts'),
    reference,
    query,
  )
  .map(([path, noun, last, rest]) => `/v2/${path}/${noun}/${last}${rest}`);
const anyPath = fc.oneof(
  target,
  fc.tuple(name, query).map(([path, rest]) => `/v2/${path}/tags/list${rest}`),
  fc.tuple(name, query).map(([path, rest]) => `/v2/${path}/blobs/uploads/${rest}`),
  fc.tuple(name, reference).map(([path, last]) => `/extensions/v2/${path}/signatures/${last}`),
  fc.tuple(name, reference).map(([path, last]) => `/lookaside/${path}@${last}/signature-1`),
  fc
    .tuple(name, reference, query)
    .map(([path, last, rest]) => `/v2/_ext/oci-artifacts/v1/${path}/manifests/${last}/links${rest}`),
  fc.tuple(name, reference).map(([path, last]) => `/pulp/container/${path}/blobs/${last}`),
  query.map((rest) => `/v2/_catalog${rest}`),
  query.map((rest) => `/token/${rest}`),
);

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
    const change = fc.oneof(
      fc.record({ member, value: json }),
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

describe('whatever an upload does', () => {
  type Step = {
    kind: 'chunk' | 'stream' | 'close' | 'status' | 'cancel';
    shift: number;
    length: number;
    right: boolean;
  };
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('chunk', 'chunk', 'chunk', 'stream', 'status', 'close', 'cancel'),
    shift: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -20, max: 20 }) },
    ),
    length: fc.integer({ min: 0, max: 300 }),
    right: fc.boolean(),
  });

  it('in any order with any offset, it follows the model: nothing is lost, mixed or seen under a wrong digest', async () => {
    const plan = fc.tuple(fc.array(step, { minLength: 1, maxLength: 10 }), fc.integer({ min: 0, max: 255 }));
    await check(plan, 60, async ([steps, salt]) => {
      const location = pathOf(await registry.request('POST', `/v2/${NAME}/blobs/uploads/`));
      let model = Buffer.alloc(0);
      let state: 'open' | 'closed' | 'gone' = 'open';
      for (const [at, each] of steps.entries()) {
        const bytes = Buffer.alloc(each.length, (salt + at) % 256);
        const from = Math.max(0, model.length + each.shift);
        const answer = await perform(location, each, bytes, from, model);
        sound(answer, each);
        if (state !== 'open') {
          const repeated = state === 'closed' && each.kind === 'close' && each.right;
          expect([each.kind, answer.status]).toEqual([each.kind, repeated ? 201 : 404]);
          continue;
        }
        if (each.kind === 'status') expect([answer.status, answer.headers.get('range')]).toEqual([204, rangeOf(model)]);
        if (each.kind === 'stream' || (each.kind === 'chunk' && from === model.length && each.length > 0)) {
          expect(answer.status).toBe(202);
          model = Buffer.concat([model, bytes]);
          expect(answer.headers.get('range')).toBe(rangeOf(model));
        } else if (each.kind === 'chunk') expect([400, 416]).toContain(answer.status);
        if (each.kind === 'cancel') [state] = ['gone'];
        if (each.kind !== 'close') continue;
        expect(answer.status).toBe(each.right ? 201 : 400);
        state = each.right ? 'closed' : 'gone';
        const stored = await registry.request('GET', `/v2/${NAME}/blobs/${sha(model)}`);
        if (each.right) expect(stored.bytes.equals(model)).toBe(true);
        expect((await registry.request('GET', `/v2/${NAME}/blobs/${wrong(model)}`)).status).toBe(404);
      }
    });
  });

  const wrong = (model: Buffer) => sha(Buffer.concat([model, Buffer.from('wrong')]));
  const rangeOf = (model: Buffer) => `0-${Math.max(0, model.length - 1)}`;

  function perform(
    location: string,
    { kind, right }: Step,
    bytes: Buffer,
    from: number,
    model: Buffer,
  ): Promise<Answer> {
    switch (kind) {
      case 'status':
        return registry.request('GET', location);
      case 'cancel':
        return registry.request('DELETE', location);
      case 'close':
        return registry.request('PUT', `${location}&digest=${right ? sha(model) : wrong(model)}`);
      case 'stream':
        return registry.request('PATCH', location, { body: bytes });
      case 'chunk':
        return registry.request('PATCH', location, {
          body: bytes,
          headers: { 'content-range': `${from}-${from + bytes.length - 1}` },
        });
    }
  }
});
