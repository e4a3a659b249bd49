import { beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { isDomainError } from '#platform/domain-error.js';
import type { SignatureReport } from '../report.js';
import type { TrustMaterial } from '../trust-material.js';
import type { BuiltinSigner, Carrier, SignatureFormat, StoredManifest } from './signature-format.js';

/** What a family hands to {@link describeSignatureFormat}: its format, a signer at work and two sets of trust. */
export interface FormatFixture {
  readonly format: SignatureFormat;
  /** The moment of signing and verifying; default 2026-06-01. */
  readonly now?: Date;
  /** What is signed for; default `registry.example.com/team/app:1.0`. */
  readonly reference?: string;
  readonly signer: BuiltinSigner;
  /** Trusts the signer. */
  readonly trust: TrustMaterial;
  /** Well-formed trust of the same kind that does not hold the signer. */
  readonly otherTrust: TrustMaterial;
  /** True when a verification for another repository must fail. */
  readonly bindsReference: boolean;
  /**
   * Half-open byte ranges which the cryptography does not cover. A change there may leave the outcome `verified`, but only
   * with the same signer and the same claims.
   */
  readonly malleable?: (signature: Uint8Array) => readonly (readonly [number, number])[];
  /** How many bytes are changed, one at a time; default 96, spread evenly. */
  readonly tamperSamples?: number;
}

/** Longest signature that any family reads, in bytes. */
export const MAX_SIGNATURE_SIZE = 4 * 1024 * 1024;

/** A small image manifest as it would be stored; `salt` makes another one. */
export function sampleManifest(salt = 'one'): StoredManifest {
  const config = { mediaType: MediaType.ociConfig, digest: digestOf(salt), size: salt.length };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [] }));
  return { mediaType: MediaType.ociManifest, digest: digestOf(bytes), size: bytes.length, bytes };
}

/** The behaviour that every signature family must show; call it from the family's own spec. The fixture is opened once. */
export function describeSignatureFormat(name: string, open: () => Promise<FormatFixture>): void {
  describe(`signature format ${name}`, () => {
    const manifest = sampleManifest();
    let fixture: FormatFixture;
    let signature: Uint8Array;
    let now: Date;
    let reference: string;

    beforeAll(async () => {
      fixture = await open();
      now = fixture.now ?? new Date('2026-06-01T12:00:00Z');
      reference = fixture.reference ?? 'registry.example.com/team/app:1.0';
      signature = await fixture.signer.sign(manifest, reference, now);
    });

    const verify = (bytes: Uint8Array, change: Partial<Parameters<SignatureFormat['verify']>[1]> = {}) =>
      fixture.format.verify(bytes, { manifest, reference, trust: fixture.trust, now, ...change });

    it('reads back and verifies what its own signer made', async () => {
      const parsed = await fixture.format.parse(signature);
      expect(parsed.kind).toBe('signature');
      expect(parsed.manifestDigest).toBe(manifest.digest);
      expect(fixture.bindsReference ? parsed.reference : reference).toBe(reference);
      const report = await verify(signature);
      expect(failures(report)).toEqual([]);
      expect(report.outcome).toBe('verified');
      expect(report.signer).not.toBeNull();
    });

    it('names every check once, in the same order for a good and a bad signature', async () => {
      const good = (await verify(signature)).checks.map((check) => check.name);
      const bad = (await verify(signature, { manifest: sampleManifest('two') })).checks.map((check) => check.name);
      expect(new Set(good).size).toBe(good.length);
      expect(bad).toEqual(good);
    });

    it('calls a signature of a key outside the trust untrusted', async () => {
      const report = await verify(signature, { trust: fixture.otherTrust });
      expect(report.outcome).toBe('untrusted');
      for (const check of failures(report)) expect(check.detail).toBeTruthy();
    });

    it('does not verify without any trust', async () => {
      const report = await verify(signature, { trust: { openpgpKeys: [], cosignKeys: [], certificates: [] } });
      expect(['untrusted', 'indeterminate', 'failed']).toContain(report.outcome);
    });

    it('refuses another manifest', async () => {
      const report = await verify(signature, { manifest: sampleManifest('two') });
      expect(report.outcome).toBe('failed');
      expect(failures(report).some((check) => ['DIGEST_MISMATCH', 'DESCRIPTOR_MISMATCH'].includes(check.code!))).toBe(
        true,
      );
    });

    it('refuses another repository where the family binds the reference', async () => {
      const report = await verify(signature, { reference: 'other.example.com/team/app:1.0' });
      expect(report.outcome === 'verified').toBe(!fixture.bindsReference);
    });

    it('never verifies a signature with a changed byte', async () => {
      const original = await verify(signature);
      const free = fixture.malleable?.(signature) ?? [];
      for (const [offset, bytes] of tampered(signature, fixture.tamperSamples ?? 96)) {
        const report = await verify(bytes);
        if (report.outcome !== 'verified') continue;
        expect(
          free.some(([start, end]) => offset >= start && offset < end),
          `byte ${offset} is covered`,
        ).toBe(true);
        expect(report.claimed).toEqual(original.claimed);
        expect(report.signer).toEqual(original.signer);
      }
    });

    it('never verifies a truncated signature, and parses none', async () => {
      for (const share of [0.01, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 1]) {
        const length = Math.min(signature.length - 1, Math.ceil(signature.length * share));
        expect(await reactionTo(signature.subarray(0, length))).toEqual(REFUSED);
      }
    });

    it('refuses nothing at all', async () => {
      expect(await reactionTo(new Uint8Array())).toEqual(REFUSED);
    });

    it('refuses a signature over 4 MiB quickly', async () => {
      const huge = new Uint8Array(MAX_SIGNATURE_SIZE + 1);
      huge.set(signature);
      const started = performance.now();
      expect(await reactionTo(huge)).toEqual(REFUSED);
      expect(performance.now() - started).toBeLessThan(1000);
    });

    it('finds the same signature in the artifact that it wraps it into', async () => {
      const { format } = fixture;
      if (!format.wrap) return;
      const carrier = carrierOf(format, manifest, signature, now);
      const found = await format.extract!(carrier);
      expect(found.map((each) => Buffer.from(each.bytes))).toEqual([Buffer.from(signature)]);
      expect(found[0]!.parsed).toEqual(await format.parse(signature));
    });

    async function reactionTo(bytes: Uint8Array): Promise<typeof REFUSED> {
      const { outcome } = await verify(bytes);
      const parsing = await fixture.format.parse(bytes).catch((error: unknown) => error);
      return { verified: outcome === 'verified', parse: isDomainError(parsing) ? parsing.kind : 'no domain error' };
    }
  });
}

const REFUSED = { verified: false, parse: 'invalid' };

function failures(report: SignatureReport) {
  return report.checks.filter((check) => check.result === 'fail' && check.action === 'enforce');
}

function* tampered(signature: Uint8Array, samples: number): Generator<readonly [number, Uint8Array]> {
  const step = Math.max(1, signature.length / samples);
  for (let index = 0; index * step < signature.length; index += 1) {
    const offset = Math.floor(index * step);
    const bytes = Uint8Array.from(signature);
    bytes[offset]! ^= 1 << (index % 8);
    yield [offset, bytes];
  }
}

function carrierOf(format: SignatureFormat, subject: StoredManifest, signature: Uint8Array, now: Date): Carrier {
  const wrapped = format.wrap!(subject, signature, now);
  const { descriptor, bytes } = wrapped.manifest;
  return {
    manifest: { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size, bytes },
    subject: subject.digest,
    ...(wrapped.tag === undefined ? {} : { tag: wrapped.tag }),
    fetch: async (wanted, limit) => {
      const blob = wrapped.blobs.find((each) => each.descriptor.digest === wanted.digest);
      if (!blob || blob.bytes.length > limit) throw new Error(`no blob ${wanted.digest} of at most ${limit} bytes`);
      return blob.bytes;
    },
  };
}
