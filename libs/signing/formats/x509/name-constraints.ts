import * as asn1js from 'asn1js';
import { type GeneralName, readGeneralName } from './general-names.js';

/** For which names an authority may issue certificates (RFC 5280, section 4.2.1.10). */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** Kinds of names that are compared; constraints of any other kind are not understood. */
const COMPARED: ReadonlySet<GeneralName['type']> = new Set(['email', 'dns', 'uri', 'ip']);

/** Reads the extension's value; throws when it is malformed. */
export function readNameConstraints(block: asn1js.AsnType): NameConstraints {
  const lists = block instanceof asn1js.Sequence ? block.valueBlock.value : [];
  const subtrees = (tag: number) =>
    lists
      .filter((list) => list.idBlock.tagNumber === tag && list instanceof asn1js.Constructed)
      .flatMap((list) => (list as asn1js.Constructed).valueBlock.value.map(baseOf));
  if (lists.length === 0) throw new Error('the name constraints are malformed');
  return { permitted: subtrees(0), excluded: subtrees(1) };
}

/** True when every constraint is of a kind that {@link findForbiddenName} compares. */
export function isUnderstood({ permitted, excluded }: NameConstraints): boolean {
  return [...permitted, ...excluded].every(({ type }) => COMPARED.has(type));
}

/** The first of the names that the constraints do not allow. */
export function findForbiddenName(
  names: readonly GeneralName[],
  { permitted, excluded }: NameConstraints,
): string | undefined {
  for (const name of names) {
    const allowed = permitted.filter(({ type }) => type === name.type);
    if (excluded.some((base) => base.type === name.type && isWithin(name, base))) return name.value;
    if (allowed.length > 0 && !allowed.some((base) => isWithin(name, base))) return name.value;
  }
  return undefined;
}

function baseOf(subtree: asn1js.AsnType): GeneralName {
  const base = subtree instanceof asn1js.Sequence ? subtree.valueBlock.value[0] : undefined;
  if (!base) throw new Error('the name constraints are malformed');
  return readGeneralName(base);
}

function isWithin(name: GeneralName, base: GeneralName): boolean {
  switch (name.type) {
    case 'dns':
      return isBelow(name.value, base.value);
    case 'email':
      return isMailboxWithin(name.value, base.value);
    case 'uri':
      return isBelow(hostOf(name.value), base.value);
    case 'ip':
      return isInNetwork(name.bytes, base.bytes);
    default:
      return false;
  }
}

function isMailboxWithin(mailbox: string, base: string): boolean {
  const at = mailbox.lastIndexOf('@');
  const wanted = base.lastIndexOf('@');
  if (wanted >= 0 && mailbox.slice(0, at) !== base.slice(0, wanted)) return false;
  const domain = base.slice(wanted + 1);
  const host = mailbox.slice(at + 1);
  return wanted >= 0 ? host.toLowerCase() === domain.toLowerCase() : isBelow(host, domain);
}

/** The domain itself and what is below it; with a leading dot only what is below. An empty base stands for all. */
function isBelow(host: string, base: string): boolean {
  const [name, domain] = [host.toLowerCase(), base.toLowerCase()];
  if (domain === '') return true;
  if (domain.startsWith('.')) return name.endsWith(domain) && name !== domain;
  return name === domain || name.endsWith(`.${domain}`);
}

function hostOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).hostname : '';
}

function isInNetwork(address: Uint8Array, network: Uint8Array): boolean {
  if (network.length !== address.length * 2) return false;
  const mask = network.subarray(address.length);
  return address.every((byte, at) => (byte & mask[at]!) === (network[at]! & mask[at]!));
}
