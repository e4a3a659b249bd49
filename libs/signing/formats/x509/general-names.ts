import * as asn1js from 'asn1js';

/** One name of a certificate's subject, or the base of a name constraint (RFC 5280, section 4.2.1.6). */
export interface GeneralName {
  readonly type: 'other' | 'email' | 'dns' | 'uri' | 'ip' | 'unread';
  /** Readable; an address as Node writes it, empty for names that are not read. */
  readonly value: string;
  /** The encoded value: of an address 4 or 16 bytes, in a constraint followed by as many of the mask. */
  readonly bytes: Uint8Array;
}

const TYPES: Readonly<Record<number, GeneralName['type']>> = { 0: 'other', 1: 'email', 2: 'dns', 6: 'uri', 7: 'ip' };
/** The kind of other name that Fulcio writes: one UTF-8 text. */
const FULCIO_NAME = '1.3.6.1.4.1.57264.1.7';
const CONTEXT = 3;

/** Reads a sequence of names; throws when it is none. */
export function readGeneralNames(block: asn1js.AsnType): readonly GeneralName[] {
  if (!(block instanceof asn1js.Sequence)) throw new Error('the subject alternative name is malformed');
  const names = block.valueBlock.value.map(readGeneralName);
  for (const { type, bytes } of names) {
    const isText = type === 'email' || type === 'dns' || type === 'uri';
    if (isText && bytes.some((byte) => byte >= 0x80)) throw new Error('the subject alternative name is not ASCII');
    if (type === 'ip' && bytes.length !== 4 && bytes.length !== 16)
      throw new Error('the subject alternative name has a malformed address');
  }
  return names;
}

/** Reads one name. */
export function readGeneralName(block: asn1js.AsnType): GeneralName {
  const { tagClass, tagNumber } = block.idBlock;
  const type = (tagClass === CONTEXT ? TYPES[tagNumber] : undefined) ?? 'unread';
  if (type === 'other') return { type, value: otherNameOf(block), bytes: new Uint8Array() };
  const bytes = (block.valueBlock as { valueHexView?: Uint8Array }).valueHexView ?? new Uint8Array();
  if (type === 'ip') return { type, value: addressOf(bytes), bytes };
  return { type, value: type === 'unread' ? '' : Buffer.from(bytes).toString('latin1'), bytes };
}

function otherNameOf(block: asn1js.AsnType): string {
  const [kind, wrapped] = block instanceof asn1js.Constructed ? block.valueBlock.value : [];
  if (!(kind instanceof asn1js.ObjectIdentifier) || kind.valueBlock.toString() !== FULCIO_NAME) return '';
  const text = wrapped instanceof asn1js.Constructed ? wrapped.valueBlock.value[0] : undefined;
  return text instanceof asn1js.Utf8String ? text.valueBlock.value : '';
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
