import * as asn1js from 'asn1js';
import type { Certificate as Asn1Certificate, Extension } from 'pkijs';
import { type GeneralName, readGeneralNames } from './general-names.js';
import { type NameConstraints, readNameConstraints } from './name-constraints.js';
import { readDer } from './strict-der.js';

/** The extensions that the rules of the families look at (RFC 5280, section 4.2). */
export interface CertificateExtensions {
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
  readonly keyUsage?: { readonly critical: boolean; readonly usages: ReadonlySet<KeyUsage> };
  readonly extendedKeyUsage?: { readonly critical: boolean; readonly purposes: readonly string[] };
  readonly subjectAltNames: readonly GeneralName[];
  readonly nameConstraints?: NameConstraints;
  readonly crlUrls: readonly string[];
  readonly ocspUrls: readonly string[];
  /** Object identifier → encoded value, of every extension. */
  readonly values: ReadonlyMap<string, Uint8Array>;
  readonly critical: ReadonlySet<string>;
}

/** Names of the key usage bits, in order of their bit. */
export const KEY_USAGES = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
/** One bit of the key usage extension. */
export type KeyUsage = (typeof KEY_USAGES)[number];

/** The extension that limits an authority to some names. */
export const NAME_CONSTRAINTS = '2.5.29.30';
const KEY_IDENTIFIER = '2.5.29.14';
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const AUTHORITY_INFORMATION = '1.3.6.1.5.5.7.1.1';
const CERTIFICATE_POLICIES = '2.5.29.32';
const OCSP = '1.3.6.1.5.5.7.48.1';
const URI = 6;

/** Reads the extensions; throws when one appears twice or is malformed. */
export function readExtensions(certificate: Asn1Certificate): CertificateExtensions {
  const byOid = new Map<string, Extension>();
  for (const extension of certificate.extensions ?? []) {
    if (byOid.has(extension.extnID)) throw new Error(`the extension ${extension.extnID} appears twice`);
    byOid.set(extension.extnID, extension);
  }
  checkUnused(byOid);
  const constraints = byOid.get('2.5.29.19');
  const usage = byOid.get('2.5.29.15');
  const extended = byOid.get('2.5.29.37');
  const names = byOid.get('2.5.29.17');
  const limits = byOid.get(NAME_CONSTRAINTS);
  return {
    ...(constraints ? { basicConstraints: basicConstraintsOf(constraints) } : {}),
    ...(usage ? { keyUsage: { critical: usage.critical, usages: usagesOf(usage) } } : {}),
    ...(extended ? { extendedKeyUsage: { critical: extended.critical, purposes: purposesOf(extended) } } : {}),
    subjectAltNames: names ? readGeneralNames(valueOf(names)) : [],
    ...(limits ? { nameConstraints: readNameConstraints(valueOf(limits)) } : {}),
    values: new Map([...byOid].map(([oid, { extnValue }]) => [oid, extnValue.valueBlock.valueHexView])),
    critical: new Set([...byOid].flatMap(([oid, { critical }]) => (critical ? [oid] : []))),
    crlUrls: urisIn(byOid.get('2.5.29.31')),
    ocspUrls: ocspUrisIn(byOid.get(AUTHORITY_INFORMATION)),
  };
}

/** Extensions that nothing here looks at, but whose readers refuse a certificate when they are malformed or critical. */
function checkUnused(byOid: ReadonlyMap<string, Extension>): void {
  for (const oid of [KEY_IDENTIFIER, AUTHORITY_KEY_IDENTIFIER, AUTHORITY_INFORMATION])
    if (byOid.get(oid)?.critical) throw new Error(`the extension ${oid} must not be critical`);
  for (const oid of [AUTHORITY_KEY_IDENTIFIER, CERTIFICATE_POLICIES]) {
    const extension = byOid.get(oid);
    if (extension) sequenceOf(extension);
  }
  const identifier = byOid.get(KEY_IDENTIFIER);
  if (identifier && !(valueOf(identifier) instanceof asn1js.OctetString))
    throw new Error(`the extension ${KEY_IDENTIFIER} is malformed`);
}

function valueOf(extension: Extension): asn1js.AsnType {
  return readDer(extension.extnValue.valueBlock.valueHexView, `the extension ${extension.extnID}`);
}

function sequenceOf(extension: Extension): readonly asn1js.AsnType[] {
  const value = valueOf(extension);
  if (!(value instanceof asn1js.Sequence)) throw new Error(`the extension ${extension.extnID} is malformed`);
  return value.valueBlock.value;
}

function basicConstraintsOf(extension: Extension): { ca: boolean; pathLength?: number } {
  const [first, second] = sequenceOf(extension);
  const ca = first instanceof asn1js.Boolean ? first.getValue() : false;
  const length = first instanceof asn1js.Integer ? first : second;
  if (!(length instanceof asn1js.Integer)) return { ca };
  const pathLength = Number(length.toBigInt());
  if (pathLength < 0 || !Number.isSafeInteger(pathLength)) throw new Error('the path length is malformed');
  return { ca, pathLength };
}

function usagesOf(extension: Extension): ReadonlySet<KeyUsage> {
  const value = valueOf(extension);
  if (!(value instanceof asn1js.BitString)) throw new Error('the key usage extension is malformed');
  const bytes = value.valueBlock.valueHexView;
  return new Set(KEY_USAGES.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0));
}

function purposesOf(extension: Extension): string[] {
  return sequenceOf(extension).map((purpose) => {
    if (!(purpose instanceof asn1js.ObjectIdentifier)) throw new Error('the extended key usage extension is malformed');
    return purpose.valueBlock.toString();
  });
}

/** Every URI inside CRL distribution points, wherever the choice puts it. */
function urisIn(extension: Extension | undefined): string[] {
  if (!extension) return [];
  const found: string[] = [];
  const visit = (block: asn1js.AsnType): void => {
    if (block.idBlock.tagClass === 3 && block.idBlock.tagNumber === URI) found.push(textOf(block));
    else if (block instanceof asn1js.Constructed) block.valueBlock.value.forEach(visit);
  };
  sequenceOf(extension).forEach(visit);
  return found;
}

function ocspUrisIn(extension: Extension | undefined): string[] {
  if (!extension) return [];
  return sequenceOf(extension).flatMap((description) => {
    if (!(description instanceof asn1js.Sequence)) return [];
    const [method, location] = description.valueBlock.value;
    const isOcsp = method instanceof asn1js.ObjectIdentifier && method.valueBlock.toString() === OCSP;
    return isOcsp && location && location.idBlock.tagNumber === URI ? [textOf(location)] : [];
  });
}

function textOf(block: asn1js.AsnType): string {
  const value = block.valueBlock as { valueHexView?: Uint8Array };
  return Buffer.from(value.valueHexView ?? new Uint8Array()).toString('latin1');
}
