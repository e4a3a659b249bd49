import { deflateRawSync } from 'node:zlib';
import { generateKey } from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import type { TrustMaterial } from '../../trust-material.js';
import { judgeSignature } from '../../verify/judge-signature.js';
import { sampleManifest } from '../format-suite.js';
import { PacketTag, readPackets, writePacket } from './packets.js';
import { simpleSignatureName } from './signature-name.js';
import { readSignedMessage } from './signed-message.js';
import { simpleFormat } from './simple-format.js';

const manifest = sampleManifest();
/** 8 MiB of zeros as bzip2 has them. */
const ZEROS = Buffer.from('QlpoOTFBWSZTWaI9S1gAQEBAgMAAAAQACCAAMMwFKaYBANiAgHi7kinChIUR6lrA', 'base64');
const reference = 'registry.example.com/team/app:1.0';
const now = new Date('2026-06-01T00:00:00Z');
let signature: Uint8Array;
let trust: TrustMaterial;
let publicKey: string;

beforeAll(async () => {
  const key = await generateKey({ userIDs: [{ name: 'Signer' }], date: new Date('2026-01-01T00:00:00Z') });
  publicKey = key.publicKey;
  trust = { openpgpKeys: [publicKey], cosignKeys: [], certificates: [] };
  signature = await (await simpleFormat.openSigner({ privateKey: key.privateKey })).sign(manifest, reference, now);
});

const compressed = (bytes: Uint8Array) =>
  writePacket(PacketTag.compressed, Buffer.concat([Uint8Array.of(1), deflateRawSync(bytes)]));
const parts = () =>
  readPackets(signature).map((packet) => writePacket(packet.tag, packet.body)) as [Buffer, Buffer, Buffer];
const outcome = async (
  bytes: Uint8Array,
  change: Partial<TrustMaterial> = {},
  image: string | undefined = reference,
) => {
  const { report } = await judgeSignature('simple', bytes, {
    manifest,
    now,
    trust: { ...trust, ...change },
    ...(image !== undefined && { reference: image }),
  });
  return [report.outcome, ...report.checks.flatMap((check) => check.code ?? [])];
};
const policyOf = (...requirements: object[]) => ({
  default: [{ type: 'reject' }],
  transports: { docker: { 'registry.example.com': requirements } },
});
const signedBy = (signedIdentity?: object, key = publicKey) => ({
  type: 'signedBy',
  keyType: 'GPGKeys',
  keyData: Buffer.from(key).toString('base64'),
  ...(signedIdentity && { signedIdentity }),
});

describe('signed messages', () => {
  it('are read compressed, with the signature first, and never longer than the limit', async () => {
    const [, literal, packet] = parts();
    expect(await outcome(compressed(signature))).toEqual(['verified']);
    expect(await outcome(Buffer.concat([packet, literal]))).toEqual(['verified']);
    let nested = signature;
    for (let times = 0; times < 32; times += 1) nested = compressed(nested);
    expect(await outcome(nested)).toEqual(['verified']);
    expect(await outcome(compressed(nested))).toEqual(['failed', 'MALFORMED_ENVELOPE']);
    const bomb = compressed(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    expect(await outcome(bomb)).toEqual(['failed', 'MALFORMED_ENVELOPE']);
  });

  it('are read in bzip2 within the same limit, and never when they are cut short', async () => {
    const bzip2 = (bytes: Uint8Array) => writePacket(PacketTag.compressed, Buffer.concat([Uint8Array.of(3), bytes]));
    expect(await outcome(bzip2(ZEROS))).toEqual(['failed', 'MALFORMED_ENVELOPE']);
    expect(await outcome(bzip2(Buffer.concat([ZEROS, Buffer.alloc(64 * 1024)])))).toEqual([
      'failed',
      'MALFORMED_ENVELOPE',
    ]);
    expect(await outcome(bzip2(ZEROS.subarray(0, 20)))).toEqual(['failed', 'MALFORMED_ENVELOPE']);
    expect(await outcome(bzip2(Buffer.from('BZh9')))).toEqual(['failed', 'MALFORMED_ENVELOPE']);
  });

  it('are refused in another order and with more packets', async () => {
    const [onePass, literal, packet] = parts();
    for (const strange of [
      [literal, packet],
      [onePass, packet, literal],
      [onePass, literal],
      [signature, literal],
      [signature, Buffer.of(0)],
      [onePass, literal, compressed(packet)],
      [onePass, compressed(literal), packet],
    ]) {
      expect(await outcome(Buffer.concat(strange))).toEqual(['failed', 'MALFORMED_ENVELOPE']);
    }
    expect(await outcome(Buffer.concat([packet, packet, literal]))).toEqual(['failed', 'MULTIPLE_SIGNATURES']);
  });

  it('with a signature packet of a version that is not known are named as unsupported', async () => {
    const [, literal] = parts();
    const body = Buffer.from(readPackets(signature)[2]!.body);
    body[0] = 5;
    expect(await outcome(Buffer.concat([writePacket(PacketTag.signature, body), literal]))).toEqual([
      'indeterminate',
      'UNSUPPORTED_FORMAT',
    ]);
  });

  it('of an algorithm that is not known can be stored, not verified', async () => {
    const [, literal] = parts();
    const body = Buffer.from(readPackets(signature)[2]!.body);
    body[2] = 30;
    const strange = Buffer.concat([writePacket(PacketTag.signature, body), literal]);
    expect(await simpleFormat.parse(strange)).toMatchObject({
      manifestDigest: manifest.digest,
      claims: { publicKeyAlgorithm: 30 },
    });
    expect((await outcome(strange))[0]).not.toBe('verified');
  });

  it('are known by the fingerprint that is signed, not by the key id beside it', async () => {
    const bytes = Buffer.from(signature);
    const { keyId } = readSignedMessage(signature).signature;
    bytes[bytes.lastIndexOf(Buffer.from(keyId!, 'hex'))]! ^= 1;
    expect(readSignedMessage(bytes).signature.keyId).not.toBe(keyId);
    expect(await outcome(bytes)).toEqual(['verified']);
    expect((await simpleFormat.parse(bytes)).keyId).toBe(keyId);
  });

  it('are named by manifest and content', () => {
    expect(simpleSignatureName(manifest.digest, signature)).toBe(
      `${manifest.digest}@${digestOf(signature).slice(7, 39)}`,
    );
  });
});

describe('a containers policy', () => {
  it('decides about key and identity', async () => {
    expect(await outcome(signature, { openpgpKeys: [], containersPolicy: policyOf(signedBy()) })).toEqual(['verified']);
    expect(await outcome(signature, { containersPolicy: policyOf({ type: 'reject' }) })).toEqual([
      'untrusted',
      'NO_APPLICABLE_POLICY',
    ]);
    expect(await outcome(signature, { containersPolicy: policyOf({ type: 'insecureAcceptAnything' }) })).toEqual([
      'verified',
    ]);
    expect(await outcome(signature, { containersPolicy: policyOf(signedBy(), { type: 'reject' }) })).toEqual([
      'untrusted',
      'NO_APPLICABLE_POLICY',
    ]);
    const exact = signedBy({ type: 'exactReference', dockerReference: 'registry.example.com/team/app:2.0' });
    expect(await outcome(signature, { containersPolicy: policyOf(exact) })).toEqual(['failed', 'REFERENCE_MISMATCH']);
    const sigstore = { type: 'sigstoreSigned', keyData: 'AAAA' };
    expect(await outcome(signature, { containersPolicy: policyOf(sigstore) })).toEqual([
      'untrusted',
      'NO_APPLICABLE_POLICY',
    ]);
  });

  it('does not take a key that only the context trusts', async () => {
    const { publicKey: other } = await generateKey({ userIDs: [{ name: 'Other' }] });
    expect(await outcome(signature, { containersPolicy: policyOf(signedBy(undefined, other)) })).toEqual([
      'untrusted',
      'UNKNOWN_KEY',
    ]);
  });

  it('follows an image to a mirror when it remaps', async () => {
    const remap = {
      default: [
        signedBy({ type: 'remapIdentity', prefix: 'mirror.test/x', signedPrefix: 'registry.example.com/team' }),
      ],
    };
    expect(await outcome(signature, { containersPolicy: remap }, 'mirror.test/x/app:1.0')).toEqual(['verified']);
    expect(await outcome(signature, { containersPolicy: remap }, 'mirror.test/y/app:1.0')).toEqual([
      'failed',
      'REFERENCE_MISMATCH',
    ]);
  });
});

describe('without a policy', () => {
  it('a pull by digest needs the same repository, a pull by tag the same tag', async () => {
    expect(await outcome(signature, {}, `registry.example.com/team/app@${manifest.digest}`)).toEqual(['verified']);
    expect(await outcome(signature, {}, 'registry.example.com/team/app:2.0')).toEqual(['failed', 'REFERENCE_MISMATCH']);
    const report = await simpleFormat.verify(signature, { manifest, now, trust });
    expect(report.outcome).toBe('verified');
    expect(report.checks.at(-1)).toMatchObject({ name: 'reference', result: 'not_applicable' });
  });
});
