import fc from 'fast-check';
import { expect } from 'vitest';
import { KNOWN_CODES } from './refusals.js';
import { sha } from './registry-process.js';

/** The repository that exists while requests are made up. */
export const NAME = 'fuzz/app';

/** Runs of a property that are the same every time. */
export const check = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number, property: (value: T) => Promise<void>) =>
  fc.assert(fc.asyncProperty(arbitrary, property), { seed: 1123, numRuns });

/** Never our failure; every refusal in the OCI form with a code that clients know. */
export function expectSound(status: number, body: string, what: unknown): void {
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
/** A method of the registry. */
export const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE');
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
/** Paths of every endpoint, with names, references and queries in and out of grammar. */
export const anyPath = fc.oneof(
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
