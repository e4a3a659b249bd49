import { HashAlgorithm, TrustedRoot, type CertificateAuthority } from '@sigstore/protobuf-specs';
import { messageOf } from '#platform/domain-error.js';
import { isObject, type JsonObject } from '../strict-object.js';
import { type Certificate, parseCertificate } from '../x509/certificate.js';
import { readMessage } from './proto-json.js';
import { TRUSTED_ROOT } from './sigstore-shapes.js';
import { ALWAYS, type Period, readLog, type TransparencyLog } from './transparency-log.js';

/** An authority that certifies signers or stamps time. */
export interface Authority {
  /** What a path must end at, self-signed or not. */
  readonly anchor: Certificate;
  /** The others of its chain. */
  readonly chain: readonly Certificate[];
  readonly validFor: Period;
}

/** What a sigstore trusted root trusts; `problem` when the document cannot be read. */
export interface RootView {
  readonly logs: readonly TransparencyLog[];
  readonly certificateLogs: readonly TransparencyLog[];
  readonly certificateAuthorities: readonly Authority[];
  readonly timestampAuthorities: readonly Authority[];
  readonly problem?: string;
}

const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
const NOTHING: RootView = { logs: [], certificateLogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const views = new WeakMap<object, RootView>();

/** What a trusted root document trusts; nothing when there is none. */
export function viewTrustedRoot(document: unknown): RootView {
  if (document === undefined || document === null) return NOTHING;
  if (!isObject(document)) return { ...NOTHING, problem: 'the trusted root is not a JSON object' };
  const known = views.get(document) ?? readRoot(document);
  views.set(document, known);
  return known;
}

function readRoot(document: JsonObject): RootView {
  const mediaType = document['mediaType'] ?? document['media_type'];
  if (mediaType !== MEDIA_TYPE) return { ...NOTHING, problem: `the trusted root is not of type ${MEDIA_TYPE}` };
  try {
    const root = TrustedRoot.fromJSON(readMessage(document, TRUSTED_ROOT, { what: 'it', code: 'MALFORMED_ENVELOPE' }));
    for (const { hashAlgorithm, baseUrl } of [...root.tlogs, ...root.ctlogs])
      if (hashAlgorithm !== HashAlgorithm.SHA2_256) throw new Error(`the log ${baseUrl} does not hash with SHA-256`);
    return {
      logs: root.tlogs.map(readLog),
      certificateLogs: root.ctlogs.map(readLog),
      certificateAuthorities: root.certificateAuthorities.map(readAuthority),
      timestampAuthorities: root.timestampAuthorities.map(readAuthority).filter(endsAtAuthority),
    };
  } catch (error) {
    return { ...NOTHING, problem: `the trusted root cannot be read: ${messageOf(error)}` };
  }
}

function readAuthority({ certChain, validFor }: CertificateAuthority): Authority {
  const chain = (certChain?.certificates ?? []).map(({ rawBytes }) => parseCertificate(rawBytes));
  const anchor = chain.at(-1);
  if (!anchor) throw new Error('an authority has no certificate');
  const period = { start: validFor?.start ?? ALWAYS.start, end: validFor?.end ?? ALWAYS.end };
  return { anchor, chain: chain.slice(0, -1), validFor: period };
}

/** Clients take a lone certificate that is no authority for the stamping one, and then have nothing that it must chain to. */
function endsAtAuthority({ anchor, chain }: Authority): boolean {
  return chain.length > 0 || anchor.extensions.basicConstraints?.ca === true;
}
