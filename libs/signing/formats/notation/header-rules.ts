import { MediaType } from '#oci/media-types.js';
import { Header, refuse, type Envelope, type SigningScheme } from './envelope.js';

/** The protected header in a form that JWS and COSE share. Times are read by the caller. */
export interface ProtectedHeader {
  readonly contentType: unknown;
  readonly critical: unknown;
  readonly scheme: unknown;
  readonly signingTime?: Date;
  readonly authenticSigningTime?: Date;
  readonly expiry?: Date;
  /** Names that are there and may be listed as critical besides the required ones. */
  readonly containerNames: ReadonlySet<string>;
  readonly extended: ReadonlyMap<string, unknown>;
}

type HeaderResult = Pick<Envelope, 'signingScheme' | 'signingTime' | 'expiry' | 'extended'>;

/** Applies the rules that both envelope formats share; throws `MALFORMED_ENVELOPE` or `CRITICAL_ATTRIBUTE_UNHANDLED`. */
export function checkProtectedHeader(header: ProtectedHeader): HeaderResult {
  if (header.contentType !== MediaType.notationPayload) {
    throw refuse(`The content type of the signature must be ${MediaType.notationPayload}.`);
  }
  const signingScheme = schemeOf(header);
  const signingTime = signingTimeOf(header, signingScheme);
  const { expiry } = header;
  if (expiry && expiry <= signingTime) throw refuse('The expiry of the signature is not after its signing time.');
  const critical = checkCritical(header, signingScheme);
  const extended = new Map(
    [...header.extended].map(([name, value]) => [name, { critical: critical.has(name), value }] as const),
  );
  refuseUnhandled(extended);
  return { signingScheme, signingTime, ...(expiry ? { expiry } : {}), extended };
}

function schemeOf({ scheme }: ProtectedHeader): SigningScheme {
  if (scheme === 'notary.x509' || scheme === 'notary.x509.signingAuthority') return scheme;
  throw refuse(`The header ${Header.scheme} must be notary.x509 or notary.x509.signingAuthority.`);
}

function signingTimeOf(header: ProtectedHeader, scheme: SigningScheme): Date {
  const [name, wanted, unwanted] =
    scheme === 'notary.x509'
      ? ([Header.signingTime, header.signingTime, header.authenticSigningTime] as const)
      : ([Header.authenticSigningTime, header.authenticSigningTime, header.signingTime] as const);
  if (!wanted) throw refuse(`The header ${name} is missing; the scheme ${scheme} needs it.`);
  if (unwanted) throw refuse(`Only the header ${name} may give a time under the scheme ${scheme}.`);
  return wanted;
}

function checkCritical(header: ProtectedHeader, scheme: SigningScheme): ReadonlySet<string> {
  const { critical } = header;
  if (!Array.isArray(critical) || critical.length === 0) throw refuse('The header "crit" must be a list with members.');
  const required = new Set<string>([Header.scheme]);
  if (header.expiry) required.add(Header.expiry);
  if (scheme === 'notary.x509.signingAuthority') required.add(Header.authenticSigningTime);
  const names = new Set<string>();
  for (const name of critical as unknown[]) {
    const text = typeof name === 'number' ? String(name) : name;
    if (typeof text !== 'string' || names.has(text)) throw refuse('The header "crit" must list different names.');
    if (!required.has(text) && !header.extended.has(text) && !header.containerNames.has(text)) {
      throw refuse(`The header "${text.slice(0, 80)}" is marked critical but is not there.`);
    }
    names.add(text);
  }
  for (const name of required) {
    if (!names.has(name)) throw refuse(`The header ${name} must be marked critical.`);
  }
  return names;
}

/** Critical parameters of a named verification plugin are left to the verdict; without a plugin nobody understands them. */
function refuseUnhandled(extended: HeaderResult['extended']): void {
  if (extended.has(Header.plugin)) return;
  for (const [name, { critical }] of extended) {
    if (critical)
      throw refuse(`The critical attribute "${name.slice(0, 80)}" is not known.`, 'CRITICAL_ATTRIBUTE_UNHANDLED');
  }
}
