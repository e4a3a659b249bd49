import type { ParsedManifest } from '#oci/manifest.js';

/** A manifest on its way in: parsed, hashed and classified, nothing stored yet. */
export interface ManifestDraft {
  readonly parsed: ParsedManifest;
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly facts: ImageFacts;
  /** Signatures that were found inside; empty for what is not an artifact. */
  readonly signatures: readonly SignatureDraft[];
}

/** What is shown of an image; read from its config. */
export interface ImageFacts {
  /** Pulp's classification. */
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly architecture: string | null;
  readonly os: string | null;
}

/** A signature unit before it has an id. */
export interface SignatureDraft {
  readonly format: string;
  readonly scheme: string;
  readonly kind: string;
  readonly manifestDigest: string;
  readonly bytes: Uint8Array;
  readonly keyId: string | null;
  readonly fingerprint: string | null;
  readonly reference: string | null;
  readonly creator: string | null;
  /** Seconds since the epoch. */
  readonly timestamp: number | null;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signingServiceId?: string | null;
}
