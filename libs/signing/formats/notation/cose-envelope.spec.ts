import { decode, encode, Tag } from 'cbor2';
import { beforeAll, describe, expect, it } from 'vitest';
import { isDomainError } from '#platform/domain-error.js';
import { issueChain, type Issued } from './certificate-fixture.js';
import { forgeCose, MANIFEST, NOW, trusting, type Changes } from './envelope-fixture.js';
import { notationFormat } from './notation-format.js';

const SCHEME = 'io.cncf.notary.signingScheme';
const TIME = 'io.cncf.notary.signingTime';
const AUTHENTIC = 'io.cncf.notary.authenticSigningTime';
const EXPIRY = 'io.cncf.notary.expiry';
const at = (seconds: number) => new Tag(1, seconds);
const AUTHORITY = { [SCHEME]: 'notary.x509.signingAuthority', [TIME]: undefined, [AUTHENTIC]: at(1780311600) };

describe('a notation COSE envelope', () => {
  let chain: Issued[];
  beforeAll(async () => {
    const { root, leaf } = await issueChain();
    chain = [leaf, root];
  });

  const verify = (signature: Uint8Array) =>
    notationFormat.verify(signature, { manifest: MANIFEST, trust: trusting([chain[1]!]), now: NOW });
  /** The code that parsing throws, which the check of integrity must repeat. */
  const refusalOf = async (signature: Uint8Array) => {
    const [check] = (await verify(signature)).checks;
    const thrown = await notationFormat.parse(signature).catch((error: unknown) => error);
    return isDomainError(thrown) && check!.code === thrown.code ? thrown.code : undefined;
  };

  it.each<[string, Changes]>([
    ['an expiry that is critical', { protected: { 2: [SCHEME, EXPIRY], [EXPIRY]: at(1893456000) } }],
    ['a signing authority', { protected: { ...AUTHORITY, 2: [SCHEME, AUTHENTIC] } }],
    ['an unknown label that is not critical', { protected: { 999: 'x' } }],
    ['a signing agent', { header: { 'io.cncf.notary.signingAgent': 'somebody' } }],
    ['a signing agent that is none', { header: { 'io.cncf.notary.signingAgent': 1 } }],
    ['a signing time with fractions', { protected: { [TIME]: at(1780311600.5) } }],
    ['a critical signing time', { protected: { 2: [SCHEME, TIME] } }],
    ['the name of a key', { header: { 4: new Uint8Array([1]) } }],
    ['a type', { header: { 16: 'application/cose' } }],
    ['a countersignature', { header: { 11: [new Uint8Array(), new Map(), new Uint8Array([1])] } }],
    ['a time among its attributes', { protected: { x: [at(1), new Tag(0, '2026-06-01T11:00:00Z')] } }],
  ])('may have %s', async (_, changes) => {
    expect((await verify(await forgeCose(chain, changes))).outcome).toBe('verified');
  });

  it.each<[string, Changes, string]>([
    ['no crit', { protected: { 2: undefined } }, 'MALFORMED_ENVELOPE'],
    ['a crit without the scheme', { protected: { 2: [3] } }, 'MALFORMED_ENVELOPE'],
    ['a critical label that is not there', { protected: { 2: [SCHEME, 999] } }, 'MALFORMED_ENVELOPE'],
    ['a critical label that nobody knows', { protected: { 2: [SCHEME, 999], 999: 1 } }, 'CRITICAL_ATTRIBUTE_UNHANDLED'],
    ['an expiry that is not critical', { protected: { [EXPIRY]: at(1893456000) } }, 'MALFORMED_ENVELOPE'],
    ['an authentic time that is not critical', { protected: AUTHORITY }, 'MALFORMED_ENVELOPE'],
    ['a time without tag', { protected: { [TIME]: 1780311600 } }, 'MALFORMED_ENVELOPE'],
    ['a time that is a text', { protected: { [TIME]: new Tag(0, '2026-06-01T11:00:00Z') } }, 'MALFORMED_ENVELOPE'],
    ['another content type', { protected: { 3: 'text/plain' } }, 'MALFORMED_ENVELOPE'],
    ['the algorithm EdDSA', { protected: { 1: -8 } }, 'UNSUPPORTED_ALGORITHM'],
    ['one certificate that is not in a list', { header: { 33: new Uint8Array(3) } }, 'MALFORMED_ENVELOPE'],
    ['no certificates', { header: { 33: [] } }, 'MALFORMED_ENVELOPE'],
    ['a label in both headers', { header: { 3: 'x' } }, 'MALFORMED_ENVELOPE'],
    ['the name of a key as text', { header: { 4: 'key' } }, 'MALFORMED_ENVELOPE'],
    [
      'two initialization vectors',
      { protected: { 5: new Uint8Array(1) }, header: { 6: new Uint8Array(1) } },
      'MALFORMED_ENVELOPE',
    ],
    ['a protected countersignature', { protected: { 9: new Uint8Array(1) } }, 'MALFORMED_ENVELOPE'],
    ['a countersignature that is none', { header: { 7: 1 } }, 'MALFORMED_ENVELOPE'],
    ['a type that is none', { protected: { 16: 'cose' } }, 'MALFORMED_ENVELOPE'],
    ['a tag in the unprotected header', { header: { x: at(1) } }, 'MALFORMED_ENVELOPE'],
    ['a tagged time that is a text', { protected: { x: new Tag(1, 'now') } }, 'MALFORMED_ENVELOPE'],
    ['a tagged text that is no time', { protected: { x: new Tag(0, 'now') } }, 'MALFORMED_ENVELOPE'],
  ])('is refused with %s', async (_, changes, code) => {
    expect(await refusalOf(await forgeCose(chain, changes))).toBe(code);
  });

  it('is refused with a label twice, though the signature over it is right', async () => {
    const twice = (header: Uint8Array) => Uint8Array.from([header[0]! + 1, 0x01, 0x26, ...header.subarray(1)]);
    expect(await refusalOf(await forgeCose(chain, { rawProtected: twice }))).toBe('MALFORMED_ENVELOPE');
  });

  it('is refused with an indefinite length, a longer integer than needed or data after it', async () => {
    const indefinite = (header: Uint8Array) => Uint8Array.from([0xbf, ...header.subarray(1), 0xff]);
    expect(await refusalOf(await forgeCose(chain, { rawProtected: indefinite }))).toBe('MALFORMED_ENVELOPE');
    const long = (header: Uint8Array) => Uint8Array.from([header[0]!, 0x18, ...header.subarray(1)]);
    expect(await refusalOf(await forgeCose(chain, { rawProtected: long }))).toBe('MALFORMED_ENVELOPE');
    expect(await refusalOf(Uint8Array.from([...(await forgeCose(chain)), 0]))).toBe('MALFORMED_ENVELOPE');
  });

  it('keeps the order of the protected header as it was signed', async () => {
    const reversed = (header: Uint8Array) => {
      const labels = decode<Map<unknown, unknown>>(header, { preferMap: true, ignoreGlobalTags: true });
      return encode(new Map([...labels].reverse()));
    };
    expect((await verify(await forgeCose(chain, { rawProtected: reversed }))).outcome).toBe('verified');
  });

  it.each([0, 1, 2, 3])('is refused when part %i is changed', async (index) => {
    const message = decode<Tag>(await forgeCose(chain), { preferMap: true, ignoreGlobalTags: true });
    const parts = message.contents as unknown[];
    if (index === 1) parts[1] = new Map([[33, [...(parts[1] as Map<number, unknown[]>).get(33)!].reverse()]]);
    else (parts[index] as Uint8Array)[(parts[index] as Uint8Array).length - 1]! ^= 1;
    const report = await verify(encode(message));
    expect(report.outcome).toBe('failed');
    expect(report.checks[0]).toMatchObject({ name: 'integrity', result: 'fail' });
  });

  it('is refused when the tag is missing or another', async () => {
    const message = decode<Tag>(await forgeCose(chain), { preferMap: true, ignoreGlobalTags: true });
    expect(await refusalOf(encode(message.contents))).toBe('MALFORMED_ENVELOPE');
    expect(await refusalOf(encode(new Tag(98, message.contents)))).toBe('MALFORMED_ENVELOPE');
  });
});
