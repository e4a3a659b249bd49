import type { Descriptor } from '#oci/descriptor.js';
import type { SignatureReport } from '../report.js';
import type { SignatureRequirement } from '../signature-requirement.js';
import type { TrustMaterial } from '../trust-material.js';

/** Names of the families as the REST API shows them in `format`. */
export type FormatName = 'simple' | 'cosign' | 'notation' | 'nv2';

/** A manifest as it is stored: the bytes, and the descriptor that a registry resolves it to. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Uint8Array;
}

/**
 * What a signature says of itself before anything is verified. Every member is a claim; key ids may be forged.
 * `timestamp` in seconds since the epoch.
 */
export interface ParsedSignature {
  /** Storage scheme within the family. */
  readonly scheme:
    'atomic' | 'cosign:tag' | 'cosign:oci11' | 'cosign:bundle' | 'notation:jws' | 'notation:cose' | 'nv2';
  /** An attestation or SBOM is carried like a signature but says something else. */
  readonly kind: 'signature' | 'attestation' | 'sbom';
  readonly manifestDigest?: string;
  readonly reference?: string;
  readonly keyId?: string;
  readonly fingerprint?: string;
  readonly certificateSubject?: string;
  readonly certificateIssuer?: string;
  readonly creator?: string;
  readonly timestamp?: number;
  readonly predicateType?: string;
  /** Everything else worth showing. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** One signature found inside an artifact manifest. */
export interface ExtractedSignature {
  /** The bytes that the signature unit keeps: envelope, bundle, OpenPGP message, or the `sigstore-json` document of a cosign layer. */
  readonly bytes: Uint8Array;
  readonly parsed: ParsedSignature;
}

/** An artifact that carries signatures: a referrer's manifest, or the manifest behind a `.sig` tag. */
export interface Carrier {
  readonly manifest: StoredManifest;
  /** Set when the carrier was reached by a tag. */
  readonly tag?: string;
  /** The subject, from the manifest's `subject` or from the tag's name. */
  readonly subject: string;
  /** Bytes of a config or layer, at most `limit` bytes; throws when it is missing or longer. */
  fetch(descriptor: Descriptor, limit: number): Promise<Uint8Array>;
}

/** What has to be stored so that the family's clients find the signature. */
export interface WrappedSignature {
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly bytes: Uint8Array }[];
  readonly manifest: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
  /** The companion tag to set; absent for referrers. */
  readonly tag?: string;
}

/** What a verification needs to know besides the signature. No network, clock handed in. */
export interface VerifyContext {
  /** Stored bytes, hashed again by the caller. */
  readonly manifest: StoredManifest;
  /** `host/name:tag` or `host/name@digest` that the client would pull; absent when nothing is to be compared with it. */
  readonly reference?: string;
  readonly trust: TrustMaterial;
  /** What a containers policy asks of this signature, in place of the keys and certificates of `trust`. */
  readonly requirement?: SignatureRequirement;
  readonly now: Date;
  /** For bytes from a carrier: the carrier's manifest annotations and digest, shown in the report. */
  readonly carrier?: { readonly digest: string; readonly annotations?: Readonly<Record<string, string>> };
}

/** A private key at work inside this process. */
export interface BuiltinSigner {
  /** What goes into the service row: armored OpenPGP key, PEM public key, or PEM certificate chain. */
  readonly publicKey: string;
  /** OpenPGP fingerprint (upper-case hex), or sha256 of the SPKI or certificate DER (lower-case hex). */
  readonly fingerprint: string;
  /** The signature of one manifest under one reference, in the family's own form. */
  sign(manifest: StoredManifest, reference: string, now: Date): Promise<Uint8Array>;
}

/** How a built-in signer is read from files. */
export interface BuiltinKeySource {
  /** Armored OpenPGP key, PEM private key (plain, PKCS#8 encrypted or cosign's own form). */
  readonly privateKey: string;
  readonly passphrase?: string;
  /** PEM chain, leaf first; needed by notation. */
  readonly certificates?: string;
  /** Shape of the result: cosign `tag` or `bundle`, notation `jws` or `cose`. */
  readonly shape?: 'tag' | 'bundle' | 'jws' | 'cose';
}

/** One way of signing a manifest. Everything here is pure: no database, no network, no clock. */
export interface SignatureFormat {
  readonly name: FormatName;
  /** What a signer receives: simple-signing payload, cosign payload, in-toto statement, notation payload. `shape` as in {@link BuiltinKeySource}. */
  payload(manifest: Descriptor, reference: string, shape?: BuiltinKeySource['shape']): Uint8Array;
  /** Reads a signature without trusting it; throws `DomainError` with kind `invalid` and a code of the taxonomy. */
  parse(signature: Uint8Array): Promise<ParsedSignature>;
  /** Ordered, named checks; a bad signature is a result, only broken infrastructure throws. */
  verify(signature: Uint8Array, context: VerifyContext): Promise<SignatureReport>;
  /** The signatures inside an artifact; empty when the artifact is not of this family. Malformed ones are left out of the list, never thrown. */
  extract?(carrier: Carrier): Promise<ExtractedSignature[]>;
  /** The artifact that carries a signature; `existing` is the manifest now behind the companion tag, to append to. */
  wrap?(subject: StoredManifest, signature: Uint8Array, now: Date, existing?: Uint8Array): WrappedSignature;
  /** A signer inside this process. */
  openSigner(source: BuiltinKeySource): Promise<BuiltinSigner>;
}
