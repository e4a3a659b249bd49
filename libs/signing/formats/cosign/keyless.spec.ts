import { beforeAll, describe, expect, it } from 'vitest';
import type { TrustMaterial } from '../../trust-material.js';
import { judgeSignature } from '../../verify/judge-signature.js';
import { contextFor, failuresOf, keyPair } from './fixtures.js';
import { decodeLayerDocument, encodeLayerDocument, LayerAnnotation } from './layer-document.js';
import { openSigstore } from './sigstore-world.js';

const clock = new Date(Math.floor(Date.now() / 1000) * 1000 + 2000);
const LATER = new Date(clock.getTime() + 365 * 86_400_000);
const WHO = { subject: 'ci@example.com', issuer: 'https://oidc.example.com' };
let world: Awaited<ReturnType<typeof openSigstore>>;
let ci: Awaited<ReturnType<(typeof world)['identify']>>;

beforeAll(async () => {
  world = await openSigstore(clock);
  ci = await world.identify(WHO.subject, WHO.issuer);
});

async function check(signature: Uint8Array, trust: Partial<TrustMaterial> = {}, now = LATER) {
  const context = contextFor({ trustedRoot: world.trustedRoot, identities: [WHO], ...trust }, { now });
  return (await judgeSignature('cosign', signature, context)).report;
}
const without = (...members: (keyof (typeof world)['trustedRoot'])[]) =>
  Object.fromEntries(Object.entries(world.trustedRoot).filter(([name]) => !members.includes(name as never)));

describe.each(['layer', 'bundle'] as const)('a keyless cosign signature as %s', (form) => {
  it('verifies by log entry long after its certificate ended', async () => {
    const report = await check(await world[form](ci));
    expect(failuresOf(report)).toEqual([]);
    expect(report).toMatchObject({
      outcome: 'verified',
      trustedTime: { value: clock.toISOString(), source: 'tlog' },
      signer: { type: 'certificate', identities: [WHO.subject], oidcIssuer: WHO.issuer },
    });
  });

  it('verifies by timestamp where the trusted root knows no log', async () => {
    const signature = await world[form](ci, { log: false, stamp: true });
    const report = await check(signature, { trustedRoot: without('tlogs') });
    expect(failuresOf(report)).toEqual([]);
    expect(report.trustedTime).toEqual({ value: clock.toISOString(), source: 'rfc3161' });
    expect(failuresOf(await check(signature))).toEqual(['tlog:TLOG_MISSING']);
  });

  it('verifies by a timestamp of a separately trusted authority', async () => {
    const signature = await world[form](ci, { log: false, stamp: true });
    const trustedRoot = without('tlogs', 'timestampAuthorities');
    const report = await check(signature, { trustedRoot, tsaCertificates: [world.tsaPem] });
    expect(failuresOf(report)).toEqual([]);
    const stranger = await openSigstore(clock);
    const refused = await check(signature, { trustedRoot, tsaCertificates: [stranger.tsaPem] });
    expect(failuresOf(refused)).toContain('timestamp:TIMESTAMP_INVALID');
  });

  it('needs a proven time', async () => {
    const report = await check(await world[form](ci, { log: false }), {}, clock);
    expect(failuresOf(report)).toContain('certificate:TIMESTAMP_MISSING');
    expect(report.outcome).toBe('failed');
  });

  it.each([
    ['a prefix of the subject', { ...WHO, subject: 'ci@example' }],
    ['a longer subject', { ...WHO, subject: 'ci@example.com.evil' }],
    ['a pattern', { subject: '.*', issuer: '.*' }],
    ['a dot for any character', { ...WHO, subject: 'ci@example.com'.replace('.', '?') }],
    ['another issuer', { ...WHO, issuer: 'https://oidc.example.com/' }],
    ['an empty identity', { subject: '', issuer: '' }],
  ])('is untrusted for %s', async (_, identity) => {
    const report = await check(await world[form](ci), { identities: [identity] });
    expect(failuresOf(report)).toEqual(['certificate:IDENTITY_MISMATCH']);
    expect(report.outcome).toBe('untrusted');
  });

  it('is untrusted when no identity is trusted', async () => {
    const report = await check(await world[form](ci), { identities: [] });
    expect(failuresOf(report)).toEqual(['certificate:IDENTITY_MISMATCH']);
  });

  it('is refused by another trusted root', async () => {
    const stranger = await openSigstore(clock);
    const report = await check(await world[form](ci), { trustedRoot: stranger.trustedRoot });
    expect(failuresOf(report)).toContain('tlog:TLOG_INVALID');
    const mixed = { ...world.trustedRoot, certificateAuthorities: stranger.trustedRoot.certificateAuthorities };
    expect(failuresOf(await check(await world[form](ci), { trustedRoot: mixed }))).toEqual([
      'certificate:UNTRUSTED_ROOT',
    ]);
    const uncounted = { ...world.trustedRoot, ctlogs: stranger.trustedRoot.ctlogs };
    expect(failuresOf(await check(await world[form](ci), { trustedRoot: uncounted }))).toEqual([
      'certificate:SCT_MISSING',
    ]);
  });

  it('verifies by its root alone, while the certificate lasts', async () => {
    const trust = { trustedRoot: undefined, certificates: [world.rootPem] };
    const signature = await world[form](ci, { log: false });
    const soon = new Date(clock.getTime() + 60_000);
    const report = await check(signature, trust, soon);
    // The authority writes an SCT list, which is not critical.
    expect(failuresOf(report)).toEqual([]);
    expect(failuresOf(await check(signature, trust, LATER))).toEqual(['certificate:CERT_EXPIRED']);
    expect(
      failuresOf(await check(signature, { ...trust, identities: [{ ...WHO, subject: 'ci@example' }] }, soon)),
    ).toEqual(['certificate:IDENTITY_MISMATCH']);
  });

  it('changed anywhere never throws, and says the same if it still verifies', async () => {
    const signature = await world[form](ci, { log: true, stamp: true });
    const original = await check(signature);
    expect(original.outcome).toBe('verified');
    for (let offset = 0; offset < signature.length; offset += 41) {
      const bytes = Uint8Array.from(signature);
      bytes[offset]! ^= 1 << (offset % 7);
      const report = await check(bytes);
      if (report.outcome !== 'verified') continue;
      expect(report.claimed).toEqual(original.claimed);
      expect(report.signer).toEqual(original.signer);
    }
  });

  it('is not made by another key with a stolen certificate', async () => {
    const thief = { privateKey: keyPair().privateKey, certificate: ci.certificate };
    expect(failuresOf(await check(await world[form](thief)))).toContain('signature:BAD_SIGNATURE');
  });
});

describe('a keyless attestation under a companion tag', () => {
  it('verifies by the entry that cosign 2 writes for its envelope', async () => {
    const report = await check(await world.attestation(ci));
    expect(failuresOf(report)).toEqual([]);
    expect(report.trustedTime).toEqual({ value: clock.toISOString(), source: 'tlog' });
  });

  it('needs an entry for its own envelope, by its own certificate, of a trusted log', async () => {
    const other = await world.identify(WHO.subject, WHO.issuer);
    const stranger = await openSigstore(clock);
    const [good, foreign] = [decodeLayerDocument(await world.attestation(ci)), await world.attestation(other)];
    const entry = decodeLayerDocument(foreign).annotations[LayerAnnotation.bundle]!;
    const swapped = { ...good, annotations: { ...good.annotations, [LayerAnnotation.bundle]: entry } };
    for (const signature of [
      await world.attestation(ci, Buffer.from('another envelope')),
      encodeLayerDocument(swapped),
      await stranger.attestation(ci),
    ])
      expect(failuresOf(await check(signature))).toContain('tlog:TLOG_INVALID');
  });

  it('needs the time that the log promised', async () => {
    const good = decodeLayerDocument(await world.attestation(ci));
    const text = good.annotations[LayerAnnotation.bundle]!;
    for (const changed of [
      text.replace(/"integratedTime":\d+/, `"integratedTime":${Math.floor(clock.getTime() / 1000) + 1}`),
      text.replace('"logIndex":', '"logIndex":1'),
    ]) {
      const annotations = { ...good.annotations, [LayerAnnotation.bundle]: changed };
      expect(failuresOf(await check(encodeLayerDocument({ ...good, annotations })))).toContain('tlog:TLOG_INVALID');
    }
  });
});

describe('the timestamp of a bundle', () => {
  it('counts with every byte that it has', async () => {
    const made = JSON.parse((await world.bundle(ci, { log: false, stamp: true })).toString());
    const [stamp] = made.verificationMaterial.timestampVerificationData.rfc3161Timestamps;
    const token = Buffer.from(stamp.signedTimestamp, 'base64');
    const trustedRoot = without('tlogs');
    // Nobody signs, and no client looks at: the list of hashes in front, both versions, and the type of absent parameters.
    const sha256 = Buffer.from('0609608648016503040201', 'hex');
    const hint = token.indexOf(sha256);
    const version = token.lastIndexOf(Buffer.from('020101302b', 'hex')) + 2;
    const parameters = token.lastIndexOf(sha256) + sha256.length;
    const unsigned = new Set([hint - 5, version, parameters]);
    for (let offset = hint; offset < hint + 13; offset += 1) unsigned.add(offset);
    const passed: number[] = [];
    for (let offset = 0; offset < token.length; offset += 5) {
      if (unsigned.has(offset)) continue;
      const changed = Buffer.from(token);
      changed[offset]! ^= 1;
      stamp.signedTimestamp = changed.toString('base64');
      if ((await check(Buffer.from(JSON.stringify(made)), { trustedRoot })).outcome === 'verified') passed.push(offset);
    }
    expect(passed).toEqual([]);
  });
});

describe('the checkpoint of a bundle', () => {
  const changed = async (change: (checkpoint: string) => string) => {
    const made = JSON.parse((await world.bundle(ci)).toString());
    const { checkpoint } = made.verificationMaterial.tlogEntries[0].inclusionProof;
    checkpoint.envelope = change(checkpoint.envelope);
    return check(Buffer.from(JSON.stringify(made)));
  };

  it.each([
    ['under any name, which nothing signs', (text: string) => text.replace(/\u2014 \S+/, '\u2014 rekor.internal')],
    ['twice', (text: string) => text + text.slice(text.indexOf('\u2014'))],
  ])('may be signed %s', async (_, change) => {
    expect((await changed(change)).outcome).toBe('verified');
  });

  it.each([
    ['another origin', (text: string) => `x${text}`],
    ['another size', (text: string) => text.replace(/\n1\n/, '\n2\n')],
    ['a line more', (text: string) => text.replace('\n\n', '\nx\n\n')],
    ['text behind the signature', (text: string) => `${text}x`],
    ['an empty line behind it', (text: string) => `${text}\n`],
    ['the signature of somebody else', (text: string) => `${text}\u2014 witness.example.com AAAAAAAA\n`],
    ['another hint of the key', (text: string) => text.replace(/(\u2014 \S+ )./, '$1!')],
    ['nothing', () => ''],
  ])('may not have %s', async (_, change) => {
    expect(failuresOf(await changed(change))).toContain('tlog:TLOG_INVALID');
  });
});

describe('the log entry of a cosign signature', () => {
  it('must be for this signature and this key', async () => {
    const good = decodeLayerDocument(await world.layer(ci));
    const other = decodeLayerDocument(await world.layer(ci));
    const swapped = {
      ...good,
      annotations: { ...good.annotations, [LayerAnnotation.bundle]: other.annotations[LayerAnnotation.bundle]! },
    };
    expect(failuresOf(await check(encodeLayerDocument(swapped)))).toContain('tlog:TLOG_INVALID');
    const foreign = await world.layer(ci, {}, keyPair().publicKey);
    expect(failuresOf(await check(foreign))).toContain('tlog:TLOG_INVALID');
  });

  it('must be unchanged', async () => {
    const good = decodeLayerDocument(await world.layer(ci));
    const text = good.annotations[LayerAnnotation.bundle]!;
    for (const changed of [
      text.replace(/"integratedTime":\d+/, '"integratedTime":1700000000'),
      text.replace('"logIndex":', '"logIndex":1'),
      text.replace('"Payload"', '"Payload":{},"Payload"'),
      '{}',
      'nothing',
    ]) {
      const annotations = { ...good.annotations, [LayerAnnotation.bundle]: changed };
      const report = await check(encodeLayerDocument({ ...good, annotations }));
      expect(failuresOf(report)).toContain('tlog:TLOG_INVALID');
      expect(report.trustedTime).toBeNull();
    }
  });

  it('is shown and not needed for a key, until a policy asks for it', async () => {
    const pair = keyPair();
    const keyData = Buffer.from(pair.publicKey).toString('base64');
    const rekorPublicKeyData = Buffer.from(world.rekorPem).toString('base64');
    const containersPolicy = { default: [{ type: 'sigstoreSigned', keyData, rekorPublicKeyData }] };
    const trust = { trustedRoot: undefined, containersPolicy };
    const logged = await world.layer(pair, {}, pair.publicKey);
    const bare = await world.layer(pair, { log: false });
    expect(failuresOf(await check(logged, trust))).toEqual([]);
    expect(failuresOf(await check(bare, trust))).toEqual(['tlog:TLOG_MISSING']);
    expect(failuresOf(await check(bare, { cosignKeys: [pair.publicKey] }))).toEqual([]);
    expect((await check(logged, { cosignKeys: [pair.publicKey] })).trustedTime?.source).toBe('tlog');
  });

  it('of a fulcio policy binds the e-mail and the issuer', async () => {
    const rekorPublicKeyData = Buffer.from(world.rekorPem).toString('base64');
    const policy = (oidcIssuer: string) => ({
      default: [
        {
          type: 'sigstoreSigned',
          fulcio: { caData: Buffer.from(world.rootPem).toString('base64'), oidcIssuer, subjectEmail: WHO.subject },
          rekorPublicKeyData,
        },
      ],
    });
    const trust = (issuer: string) => ({ trustedRoot: undefined, containersPolicy: policy(issuer) });
    // The mock authority writes the subject as a URI, which is no e-mail address.
    expect(failuresOf(await check(await world.layer(ci), trust(WHO.issuer)))).toEqual([
      'certificate:IDENTITY_MISMATCH',
    ]);
    expect((await check(await world.layer(ci), trust('https://other.example.com'))).outcome).toBe('untrusted');
  });
});
