/** Everything that a verification may trust, as a client hands it in. Texts are armored or PEM; a text may hold several. */
export interface TrustMaterial {
  /** Armored or base64 OpenPGP public keys. */
  readonly openpgpKeys: readonly string[];
  /** PEM public keys for cosign signatures. */
  readonly cosignKeys: readonly string[];
  /** PEM certificates: roots or leaves that notation and certificate-made cosign signatures may chain to. */
  readonly certificates: readonly string[];
  /** PEM certificates of timestamp authorities (`tsa:` stores). */
  readonly tsaCertificates?: readonly string[];
  /** Certificates of one named notation trust store, `ca:acme` → PEM texts. A store that is not named here takes `certificates`. */
  readonly trustStores?: Readonly<Record<string, readonly string[]>>;
  /** PEM or base64 DER certificate revocation lists. */
  readonly crls?: readonly string[];
  /** Notation's `trustpolicy.json`, unchanged. */
  readonly notationTrustPolicy?: unknown;
  /** containers `policy.json`, unchanged. It alone says what simple and cosign signatures must be made with. */
  readonly containersPolicy?: unknown;
  /** Files that the policy names by path (armored, PEM or base64); any other path stands for the keys and certificates above. */
  readonly policyFiles?: Readonly<Record<string, string>>;
  /** A sigstore `trusted_root.json`, unchanged. */
  readonly trustedRoot?: unknown;
  /** Exact certificate identities that a keyless cosign signature must match. */
  readonly identities?: readonly { readonly subject: string; readonly issuer: string }[];
  /** Predicate types of bundles that count; default: `https://sigstore.dev/cosign/sign/v1` only. */
  readonly predicateTypes?: readonly string[];
  /** Registry scope (`host/name`) that a notation policy statement is chosen by, in place of the reference's. */
  readonly scope?: string;
}
