import type { SignatureDraft } from '#content/push/drafts.js';
import type { FormatName, ParsedSignature } from '../formats/signature-format.js';

/** The unit that a parsed signature becomes. What it claims is kept as claimed. */
export function toSignatureDraft(
  format: FormatName,
  manifestDigest: string,
  bytes: Uint8Array,
  parsed: ParsedSignature,
  signingServiceId?: string,
): SignatureDraft {
  const { certificateSubject, certificateIssuer, predicateType, claims } = parsed;
  return {
    format,
    scheme: parsed.scheme,
    kind: parsed.kind,
    manifestDigest,
    bytes,
    keyId: parsed.keyId ?? null,
    fingerprint: parsed.fingerprint ?? null,
    reference: parsed.reference ?? null,
    creator: parsed.creator ?? null,
    timestamp: parsed.timestamp === undefined ? null : Math.floor(parsed.timestamp),
    claims: {
      ...claims,
      ...(certificateSubject === undefined ? {} : { certificateSubject }),
      ...(certificateIssuer === undefined ? {} : { certificateIssuer }),
      ...(predicateType === undefined ? {} : { predicateType }),
    },
    ...(signingServiceId === undefined ? {} : { signingServiceId }),
  };
}
