import { createPublicKey, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestOf, hexOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { sampleManifest } from '../format-suite.js';
import { cosignFormat } from './cosign-format.js';
import { preAuthEncoding } from './dsse.js';
import { bundle, contextFor, envelope, failuresOf, keyPair, NOW, statement } from './fixtures.js';
import { encodeLayerDocument, LayerAnnotation } from './layer-document.js';
import { encodeSimplePayload } from './simple-payload.js';
import { sshFingerprint } from './ssh-fingerprint.js';

const pair = keyPair();
const rsa = keyPair('RSA');
const trust = { cosignKeys: [pair.publicKey] };
const check = (signature: Uint8Array, change = {}) => cosignFormat.verify(signature, contextFor(trust, change));
const layer = (payload: Uint8Array, key = pair.privateKey) =>
  encodeLayerDocument({
    mimeType: MediaType.cosignSimpleSigning,
    payload,
    annotations: { [LayerAnnotation.signature]: sign('sha256', payload, key).toString('base64') },
  });
const attestation = (payload: Buffer, annotations = {}) =>
  encodeLayerDocument({
    mimeType: MediaType.dsseEnvelope,
    payload: Buffer.from(JSON.stringify(envelope(payload, pair.privateKey))),
    annotations,
  });

describe('cosign verification refuses', () => {
  it('a statement about another manifest', async () => {
    const subject = [{ digest: { sha256: hexOf(sampleManifest('two').digest) } }];
    const report = await check(bundle(envelope(statement({ subject }), pair.privateKey)));
    expect(failuresOf(report)).toEqual(['digest:DIGEST_MISMATCH']);
    expect(report.outcome).toBe('failed');
  });

  it('the right hex under another algorithm', async () => {
    const subject = [{ digest: { sha512: hexOf(sampleManifest().digest) } }];
    const report = await check(bundle(envelope(statement({ subject }), pair.privateKey)));
    expect(failuresOf(report)).toEqual(['digest:DIGEST_MISMATCH']);
  });

  it('the signature of a child that is shown for its index', async () => {
    const child = sampleManifest();
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [child] }));
    const index = { mediaType: MediaType.ociIndex, digest: digestOf(bytes), size: bytes.length, bytes };
    for (const shape of ['tag', 'bundle'] as const) {
      const signer = await cosignFormat.openSigner({ privateKey: pair.privateKey, shape });
      const report = await check(await signer.sign(child, 'r.example.com/a:1', NOW), { manifest: index });
      expect(failuresOf(report)).toEqual(['digest:DIGEST_MISMATCH']);
    }
  });

  it('an attestation as signature, unless its predicate type is trusted', async () => {
    const predicateType = 'https://slsa.dev/provenance/v1';
    for (const signature of [
      bundle(envelope(statement({ predicateType }), pair.privateKey)),
      attestation(statement({ predicateType })),
    ]) {
      const report = await check(signature);
      expect(failuresOf(report)).toEqual(['predicate:PREDICATE_MISMATCH']);
      expect((await cosignFormat.parse(signature)).kind).toBe('attestation');
      const accepting = contextFor({ ...trust, predicateTypes: [predicateType] });
      expect((await cosignFormat.verify(signature, accepting)).outcome).toBe('verified');
    }
  });

  it('two signatures in one envelope, even when both are good', async () => {
    const made = envelope(statement(), pair.privateKey);
    const twice = { ...made, signatures: [...made.signatures, ...made.signatures] };
    const report = await check(bundle(twice));
    expect(failuresOf(report)).toEqual(['envelope:MULTIPLE_SIGNATURES']);
    expect(failuresOf(await check(bundle({ ...made, signatures: [] })))).toEqual(['envelope:NO_SIGNATURE']);
  });

  it('a bundle whose envelope names another key than made it', async () => {
    const made = envelope(statement(), pair.privateKey);
    const named = (keyid: string) => bundle({ ...made, signatures: [{ ...made.signatures[0]!, keyid }] });
    const fingerprint = sshFingerprint(createPublicKey(pair.publicKey));
    for (const keyid of ['x', fingerprint.slice('SHA256:'.length), sshFingerprint(createPublicKey(rsa.publicKey))])
      expect(failuresOf(await check(named(keyid)))).toEqual(['signature:BAD_SIGNATURE']);
    for (const keyid of ['', fingerprint]) expect((await check(named(keyid))).outcome).toBe('verified');
    // Under a companion tag cosign does not look at the name.
    const payload = Buffer.from(JSON.stringify({ ...made, signatures: [{ ...made.signatures[0]!, keyid: 'x' }] }));
    const tagged = encodeLayerDocument({ mimeType: MediaType.dsseEnvelope, payload, annotations: {} });
    expect((await check(tagged)).outcome).toBe('verified');
  });

  it('a statement in a bundle that says more than one may, or too much', async () => {
    const about = (change: object) => check(bundle(envelope(statement({ ...change }), pair.privateKey)));
    expect(failuresOf(await about({ surprise: 1 }))).toEqual(['payload:MALFORMED_PAYLOAD']);
    expect(failuresOf(await about({ predicate: 'text' }))).toEqual(['payload:MALFORMED_PAYLOAD']);
    const digest = { sha256: hexOf(sampleManifest().digest) };
    expect(failuresOf(await about({ subject: [{ digest }, { digest: { sha1: 'xyz' } }] }))).toEqual([
      'payload:MALFORMED_PAYLOAD',
    ]);
    const crowd = (count: number) => Array.from({ length: count }, () => ({ digest }));
    expect((await about({ subject: crowd(1024) })).outcome).toBe('verified');
    expect(failuresOf(await about({ subject: crowd(1025) }))).toEqual(['payload:RESOURCE_LIMIT']);
    const many = Object.fromEntries(Array.from({ length: 32 }, (_, n) => [`sha-${n}`, 'ab']));
    expect(failuresOf(await about({ subject: [{ digest: { ...many, ...digest } }] }))).toEqual([
      'payload:RESOURCE_LIMIT',
    ]);
  });

  it('a payload that the signature was not made over', async () => {
    const made = envelope(statement(), pair.privateKey);
    const forged = { ...made, payload: statement({ predicate: { extra: true } }).toString('base64') };
    const named = (await cosignFormat.openSigner({ privateKey: pair.privateKey })).fingerprint;
    const material = { publicKey: { hint: Buffer.from(named, 'hex').toString('base64') } };
    const report = await check(bundle(forged, material));
    expect(report.outcome).toBe('failed');
    expect(failuresOf(report)).toEqual(['signature:BAD_SIGNATURE']);
  });

  it('another payload type than in-toto, signed or not', async () => {
    const report = await check(bundle(envelope(statement(), pair.privateKey, 'text/plain')));
    expect(failuresOf(report)).toEqual(['envelope:UNSUPPORTED_FORMAT']);
    const renamed = { ...envelope(statement(), pair.privateKey, 'text/plain'), payloadType: MediaType.inToto };
    expect((await check(bundle(renamed))).outcome).not.toBe('verified');
  });

  it('a signature over the bare payload in place of the DSSE encoding', async () => {
    const sig = sign('sha256', statement(), pair.privateKey).toString('base64');
    const bare = { payload: statement().toString('base64'), payloadType: MediaType.inToto, signatures: [{ sig }] };
    expect((await check(bundle(bare))).outcome).not.toBe('verified');
  });

  it('a signature of a key that is used with another algorithm', async () => {
    const payload = encodeSimplePayload(sampleManifest().digest, 'r.example.com/a:1');
    const pss = sign('sha256', payload, { key: rsa.privateKey, padding: 6, saltLength: 32 });
    const sha1 = sign('sha1', payload, rsa.privateKey);
    const sha512 = sign('sha512', payload, pair.privateKey);
    for (const signature of [pss, sha1, sha512]) {
      const document = encodeLayerDocument({
        mimeType: MediaType.cosignSimpleSigning,
        payload,
        annotations: { [LayerAnnotation.signature]: signature.toString('base64'), alg: 'none' },
      });
      const context = contextFor({ cosignKeys: [pair.publicKey, rsa.publicKey] });
      expect((await cosignFormat.verify(document, context)).outcome).not.toBe('verified');
    }
  });

  it.each([
    ['a duplicate member', '{"critical":{},"critical":{}}'],
    ['another type', simple({ type: 'something else' })],
    ['an unknown critical member', simple({ also: 1 })],
    ['no digest', simple({ image: {} })],
    ['an array', '[]'],
  ])('a signed payload with %s', async (_, text) => {
    const report = await check(layer(Buffer.from(text)));
    expect(failuresOf(report)).toEqual(['payload:MALFORMED_PAYLOAD']);
    expect(report.outcome).toBe('failed');
    await expect(cosignFormat.parse(layer(Buffer.from(text)))).rejects.toMatchObject({ code: 'MALFORMED_PAYLOAD' });
  });

  it('duplicate members in statements, envelopes and bundles', async () => {
    const doubled = Buffer.from(statement().toString().replace('"predicate":{}', '"predicate":{},"predicate":{}'));
    expect(failuresOf(await check(bundle(envelope(doubled, pair.privateKey))))).toEqual(['payload:MALFORMED_PAYLOAD']);
    const text = bundle(envelope(statement(), pair.privateKey)).toString();
    for (const member of ['"payloadType":', '"mediaType":', '"sig":']) {
      const report = await check(Buffer.from(text.replace(member, `${member}"x",${member}`)));
      expect(failuresOf(report)).toEqual(['envelope:MALFORMED_ENVELOPE']);
    }
  });

  it('a lie about the predicate type outside the signature, aloud but without effect', async () => {
    const report = await check(attestation(statement(), { predicateType: 'https://slsa.dev/provenance/v1' }));
    expect(report.outcome).toBe('verified');
    expect(report.checks.find(({ name }) => name === 'annotations')).toMatchObject({ result: 'fail', action: 'log' });
  });

  it('bundles of other versions, of blobs, and with two contents', async () => {
    const text = bundle(envelope(statement(), pair.privateKey)).toString();
    expect((await check(Buffer.from(text.replace('v0.3', 'v0.9')))).outcome).toBe('indeterminate');
    const blob = text.replace(/"dsseEnvelope":.*}$/, '"messageSignature":{}}');
    expect(failuresOf(await check(Buffer.from(blob)))).toEqual(['envelope:UNSUPPORTED_FORMAT']);
    const both = text.replace('"dsseEnvelope"', '"messageSignature":{},"dsseEnvelope"');
    expect(failuresOf(await check(Buffer.from(both)))).toEqual(['envelope:MALFORMED_ENVELOPE']);
  });

  it('what is longer than it reads', async () => {
    const huge = Buffer.alloc(16 * 1024 * 1024 + 1, 0x20);
    expect(failuresOf(await check(huge))).toEqual(['envelope:RESOURCE_LIMIT']);
    await expect(cosignFormat.parse(huge)).rejects.toMatchObject({ code: 'RESOURCE_LIMIT' });
  });

  it('an SBOM, which nothing signs', async () => {
    const sbom = encodeLayerDocument({ mimeType: 'text/spdx', payload: Buffer.from('SPDX'), annotations: {} });
    expect((await cosignFormat.parse(sbom)).kind).toBe('sbom');
    expect(failuresOf(await check(sbom))).toEqual(['signature:NO_SIGNATURE']);
  });

  it('the DSSE encoding of a statement as a simple payload', async () => {
    const report = await check(layer(preAuthEncoding(MediaType.inToto, statement())));
    expect(failuresOf(report)).toEqual(['payload:MALFORMED_PAYLOAD']);
  });
});

function simple(change: Record<string, unknown>): string {
  const critical = {
    identity: { 'docker-reference': 'r.example.com/a' },
    image: { 'docker-manifest-digest': sampleManifest().digest },
    type: 'cosign container image signature',
  };
  return JSON.stringify({ critical: { ...critical, ...change }, optional: null });
}
