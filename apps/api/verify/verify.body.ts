import { JsonField, ObjectListField, TextField } from '../rest/body/fields.js';

/** What to judge, and what to trust. Either `reference`, or `manifest` with `signatures`. */
export class VerifyBody {
  @TextField({
    optional: true,
    max: 512,
    description: 'host/name:tag or host/name@digest of what is served here; every signature of it is judged.',
  })
  reference?: string;

  @TextField({ optional: true, description: 'Base64 bytes of a manifest that is not stored here.' })
  manifest?: string;

  @ObjectListField({
    optional: true,
    description: 'Signatures of that manifest: a list of {format, content}, content in base64.',
  })
  signatures?: Record<string, unknown>[];

  @TextField({
    optional: true,
    max: 512,
    description: 'The reference that the client would pull; left out, none is compared.',
  })
  claimed_reference?: string;

  @JsonField({
    object: true,
    description:
      'Trust material: openpgp_keys, cosign_keys, certificates, tsa_certificates, crls (lists of texts), notation_trust_policy, containers_policy, trusted_root (native documents), trust_stores, policy_files, identities, predicate_types, scope.',
  })
  trust: Record<string, unknown>;
}
