import { beforeAll, describe, expect, it } from 'vitest';
import { issue } from '../notation/certificate-fixture.js';
import { contextFor, failuresOf, keyPair } from './fixtures.js';
import { openSigstore } from './sigstore-world.js';
import { type CheckpointChange, openTileLog } from './tile-log.js';
import { signEnvelope, tileBundle, type TileSigner } from './tile-bundle.js';
import { verifyCosign } from './verify.js';

const clock = new Date(Math.floor(Date.now() / 1000) * 1000 + 2000);
const WHO = { subject: 'ci@example.com', issuer: 'https://oidc.example.com' };
const log = openTileLog();
let world: Awaited<ReturnType<typeof openSigstore>>;
let ci: Awaited<ReturnType<(typeof world)['identify']>>;

beforeAll(async () => {
  world = await openSigstore(clock);
  ci = await world.identify(WHO.subject, WHO.issuer);
});

type Signed = ReturnType<typeof signEnvelope>;
const encoded = (document: object) => Buffer.from(JSON.stringify(document));

/** Judges a keyless bundle with the entries; a timestamp proves when it was made. */
async function judge(
  entriesOf: (signed: Signed) => readonly object[],
  { instance = log.instance as object, stamped = true, who = ci as TileSigner } = {},
) {
  const signed = signEnvelope(who);
  const stamps = stamped ? [await world.stampOver(signed.signature)] : [];
  const trustedRoot = { ...world.trustedRoot, tlogs: [...world.trustedRoot.tlogs, instance] };
  const context = contextFor({ trustedRoot, identities: [WHO] }, { now: clock });
  return verifyCosign(encoded(tileBundle(who, signed.envelope, entriesOf(signed), stamps)), context);
}
const failures = async (...given: Parameters<typeof judge>) => failuresOf(await judge(...given));
const withCheckpoint = (change: CheckpointChange) => (signed: Signed) => [log.entry(signed.hashedrekord, {}, change)];

describe('an entry of a Rekor 2 log', () => {
  it.each(['Ed25519', 'P-256', 'P-384', 'RSA'] as const)('verifies in a log with a key of kind %s', async (kind) => {
    const own = openTileLog('log2026.example.com', kind);
    for (const type of ['hashedrekord', 'dsse'] as const)
      expect(await failures((signed) => [own.entry(signed[type])], { instance: own.instance })).toEqual([]);
  });

  it.each([[0, 1], [0, 2], [1, 2], [6, 7], [7, 8], [8, 9], [3, 300]])('verifies at place %i of %i', async (index, size) => {
    expect(await failures(({ hashedrekord }) => [log.entry(hashedrekord, { index, size })])).toEqual([]);
  }); // prettier-ignore

  it('proves no time: a keyless signature needs a timestamp beside it', async () => {
    const report = await judge(({ hashedrekord }) => [log.entry(hashedrekord)]);
    expect(report.trustedTime).toEqual({ value: clock.toISOString(), source: 'rfc3161' });
    const bare = await judge(({ hashedrekord }) => [log.entry(hashedrekord)], { stamped: false });
    expect(failuresOf(bare)).toEqual(['certificate:TIMESTAMP_MISSING']);
  });

  it('needs no timestamp when a trusted key signed', async () => {
    const pair = keyPair();
    const signed = signEnvelope(pair);
    const trustedRoot = { ...world.trustedRoot, tlogs: [log.instance] };
    const context = contextFor({ cosignKeys: [pair.publicKey], trustedRoot });
    const report = verifyCosign(encoded(tileBundle(pair, signed.envelope, [log.entry(signed.hashedrekord)])), context);
    expect(failuresOf(report)).toEqual([]);
    const stolen = log.entry(signEnvelope(keyPair()).hashedrekord);
    expect(failuresOf(verifyCosign(encoded(tileBundle(pair, signed.envelope, [stolen])), context))).toEqual([
      'tlog:TLOG_INVALID',
    ]);
  });

  it('may stand beside one of a log that nobody trusts', async () => {
    const other = openTileLog('other.example.com');
    expect(await failures((signed) => [other.entry(signed.dsse), log.entry(signed.dsse)])).toEqual([]);
    expect(await failures((signed) => [other.entry(signed.dsse)])).toContain('tlog:TLOG_INVALID');
  });

  it('is named by whatever the trusted root says', async () => {
    const keyId = Buffer.from('ours').toString('base64');
    const named = ({ hashedrekord }: Signed) => [{ ...log.entry(hashedrekord), logId: { keyId } }];
    expect(await failures(named, { instance: { ...log.instance, logId: { keyId } } })).toEqual([]);
    expect(await failures(named)).toContain('tlog:TLOG_INVALID');
  });

  it.each([
    ['a witness signed too', { after: `\u2014 witness.example.com ${Buffer.alloc(9).toString('base64')}\n` }],
    ['there is a line more', { text: (text: string) => `${text}extension\n` }],
  ])('verifies when %s', async (_, change) => {
    expect(await failures(withCheckpoint(change))).toEqual([]);
  });

  it.each<[string, CheckpointChange]>([
    ['of another origin', { text: (text) => text.replace('log.', 'other.') }],
    ['of a tree of Rekor 1', { text: (text) => text.replace('\n', ' - 42\n') }],
    ['of another size', { text: (text) => text.replace('\n11\n', '\n40\n') }],
    ['without a root', { text: (text) => text.split('\n').slice(0, 2).join('\n') }],
    ['signed under another name', { name: 'other.example.com' }],
    ['signed with the hint of another key', { hint: Buffer.from('abcd') }],
    ['with a name that no note has', { after: '\u2014 a+b AAAAAAAA\n' }],
    ['with text behind', { after: 'x' }],
    ['with control characters', { text: (text) => `${text}a\tb\n` }],
  ])('does not count by a checkpoint %s', async (_, change) => {
    expect(await failures(withCheckpoint(change))).toContain('tlog:TLOG_INVALID');
  });

  it('does not count in a log of another address', async () => {
    for (const baseUrl of ['https://other.example.com', 'https://xlog.example.com', 'log.example.com', ''])
      expect(await failures(({ dsse }) => [log.entry(dsse)], { instance: { ...log.instance, baseUrl } })).toContain(
        'tlog:TLOG_INVALID',
      );
    for (const baseUrl of ['https://log.example.com:8443/api/v2', 'http://log.example.com'])
      expect(await failures(({ dsse }) => [log.entry(dsse)], { instance: { ...log.instance, baseUrl } })).toEqual([]);
  });

  it.each<[string, (signed: Signed) => readonly object[]]>([
    ['it is of another signature', () => [log.entry(signEnvelope(ci).hashedrekord)]],
    ['it is of a key, and the signature of a certificate', () => [log.entry(signEnvelope({ privateKey: ci.privateKey }).dsse)]],
    ['it says something else of the key', ({ hashedrekord }) => [log.entry(Buffer.from(JSON.stringify(hashedrekord).replace('P256', 'P384')))]],
    ['its members are in no order', ({ hashedrekord: { kind, ...rest } }) => [log.entry(Buffer.from(JSON.stringify({ kind, ...rest })))]],
    ['its place is another', ({ dsse }) => [{ ...log.entry(dsse), logIndex: '6' }]],
    ['it is there twice', ({ dsse }) => [log.entry(dsse), log.entry(dsse)]],
    ['it comes with a promise, which such logs make none of', ({ dsse }) => [{ ...log.entry(dsse), inclusionPromise: { signedEntryTimestamp: 'AAAA' } }]],
    ['it is of an unknown version', ({ dsse }) => [log.entry({ ...dsse, apiVersion: '0.0.3' })]],
  ])('does not count when %s', async (_, entriesOf) => {
    expect(await failures(entriesOf)).toContain('tlog:TLOG_INVALID');
  }); // prettier-ignore

  it('is hashed with what goes with the key that signed', async () => {
    const root = await issue({ ca: true });
    const leaf = await issue({ issuer: root, key: 'P-384' });
    const who = { privateKey: leaf.privateKeyPem, certificate: Buffer.from(leaf.certificate.rawData) };
    const trust = { certificates: [root.pem], trustedRoot: { ...world.trustedRoot, tlogs: [log.instance] } };
    for (const [hash, failed] of [['sha384', []], ['sha256', ['tlog:TLOG_INVALID']]] as const) {
      const signed = signEnvelope(who, hash);
      const bytes = encoded(tileBundle(who, signed.envelope, [log.entry(signed.hashedrekord)]));
      expect(failuresOf(verifyCosign(bytes, contextFor(trust)))).toEqual(failed);
    } // prettier-ignore
  });
});
