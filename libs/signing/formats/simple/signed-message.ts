import { unarmor } from 'openpgp';
import { decompress } from './decompress.js';
import { Cursor, type Packet, PacketTag, readPackets } from './packets.js';
import { refusal } from '../refusal.js';
import { readSignaturePacket, type SignatureFields } from './signature-packet.js';

/** A binary OpenPGP message with exactly one signature; `data` is what was signed. */
export interface SignedMessage {
  readonly signature: SignatureFields;
  readonly data: Uint8Array;
}

/** Longest message read, before and after it is decompressed, in bytes. */
export const MAX_MESSAGE_SIZE = 4 * 1024 * 1024;

/** Reads a signed message in either layout, compressed or not; throws with a code of the report when it is none. */
export function readSignedMessage(bytes: Uint8Array): SignedMessage {
  if (bytes.length > MAX_MESSAGE_SIZE) throw malformed('the signature is longer than 4 MiB');
  if (bytes[0] === 0x2d) throw malformed('the signature is armored; send the binary message');
  const packets = openPackets(bytes);
  const signatures = packets.filter((packet) => packet.tag === PacketTag.signature);
  if (signatures.length > 1) {
    throw refusal('MULTIPLE_SIGNATURES', `the message holds ${signatures.length} signatures; exactly one is accepted`);
  }
  const literal = packets.find((packet) => packet.tag === PacketTag.literal);
  if (!literal && signatures.length === 1) throw malformed('the signature is detached; a signed message is needed');
  if (!literal || signatures.length === 0) throw malformed('the bytes are not a signed OpenPGP message');
  const signature = readSignaturePacket(signatures[0]!.body);
  checkLayout(packets, signature);
  return { signature, data: dataOf(literal.body) };
}

/**
 * The binary form of what a script may make: an armored OpenPGP message is opened, binary bytes stay as they are.
 * Cleartext-signed text and detached signatures are refused, for no client reads them.
 */
export async function normalizeSimpleSignature(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length > MAX_MESSAGE_SIZE * 2) throw malformed('the signature is longer than 4 MiB');
  const start = Buffer.from(bytes.subarray(0, 1024)).toString('latin1').trimStart();
  if (!start.startsWith('-----BEGIN PGP')) return bytes;
  if (!start.startsWith('-----BEGIN PGP MESSAGE-----')) {
    throw malformed('only an armored PGP MESSAGE can be read; cleartext and detached signatures cannot');
  }
  try {
    const { data } = await unarmor(Buffer.from(bytes).toString('latin1').trimStart());
    return data as unknown as Uint8Array;
  } catch (error) {
    throw refusal('MALFORMED_ENVELOPE', 'the armor of the signature is damaged', error);
  }
}

/** Most compressed packets inside of each other, as in GnuPG. */
const MAX_NESTING = 32;

/** The packets of a message; one compressed packet alone stands for what is in it. */
function openPackets(bytes: Uint8Array): Packet[] {
  let packets = readPackets(bytes).filter(isNoMarker);
  let left = MAX_MESSAGE_SIZE;
  for (let depth = 1; packets.length === 1 && packets[0]!.tag === PacketTag.compressed; depth += 1) {
    if (depth > MAX_NESTING) throw malformed(`the message is compressed more than ${MAX_NESTING} times`);
    const opened = decompress(packets[0]!.body, left);
    left -= opened.length;
    packets = readPackets(opened).filter(isNoMarker);
  }
  return packets;
}

/** Markers are passed over (RFC 9580 section 5.8). */
function isNoMarker({ tag, body }: Packet): boolean {
  if (tag !== PacketTag.marker) return true;
  if (Buffer.from(body).toString('latin1') !== 'PGP') throw malformed('a marker packet says something else than PGP');
  return false;
}

function checkLayout(packets: readonly Packet[], signature: SignatureFields): void {
  const layout = packets.map((packet) => packet.tag).join(' ');
  const onePassFirst = `${PacketTag.onePass} ${PacketTag.literal} ${PacketTag.signature}`;
  if (layout === onePassFirst) return checkOnePass(packets[0]!.body, signature);
  if (layout !== `${PacketTag.signature} ${PacketTag.literal}`)
    throw malformed('the packets are not in the order of a signed message');
}

/** A one-pass packet only announces how to hash; what else it repeats of the signature packet is not signed and not needed. */
function checkOnePass(body: Uint8Array, signature: SignatureFields): void {
  const cursor = new Cursor(body);
  const version = cursor.byte();
  const [, hashAlgorithm] = [cursor.byte(), cursor.byte(), cursor.byte()];
  if (version !== (signature.version === 6 ? 6 : 3) || hashAlgorithm !== signature.hashAlgorithm)
    throw malformed('the one-pass packet and the signature packet contradict each other');
  if (version === 6 && !Buffer.from(signature.salt!).equals(cursor.take(cursor.byte())))
    throw malformed('the one-pass packet has another salt');
  cursor.take(version === 6 ? 33 : 9);
}

function dataOf(literal: Uint8Array): Uint8Array {
  const cursor = new Cursor(literal);
  cursor.byte();
  cursor.take(cursor.byte());
  cursor.take(4);
  return cursor.rest();
}

function malformed(message: string) {
  return refusal('MALFORMED_ENVELOPE', message);
}
