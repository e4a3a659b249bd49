import { inflateRawSync, inflateSync } from 'node:zlib';
import { unarmor } from 'openpgp';
import { Cursor, type Packet, PacketTag, readPackets } from './packets.js';
import { refusal } from '../refusal.js';
import { readSignaturePacket, type SignatureFields } from './signature-packet.js';

/** A binary OpenPGP message with exactly one signature; `data` is what was signed. */
export interface SignedMessage {
  readonly signature: SignatureFields;
  /** The literal packet's body. */
  readonly literal: Uint8Array;
  readonly data: Uint8Array;
}

/** Longest message read, before and after it is decompressed, in bytes. */
export const MAX_MESSAGE_SIZE = 4 * 1024 * 1024;

/** Reads a signed message in either layout, compressed or not; throws with a code of the report when it is none. */
export function readSignedMessage(bytes: Uint8Array): SignedMessage {
  if (bytes.length > MAX_MESSAGE_SIZE) throw malformed('the signature is longer than 4 MiB');
  if (bytes[0] === 0x2d) throw malformed('the signature is armored; send the binary message');
  const packets = flatten(readPackets(bytes), 0);
  const signatures = packets.filter((packet) => packet.tag === PacketTag.signature);
  if (signatures.length > 1) {
    throw refusal('MULTIPLE_SIGNATURES', `the message holds ${signatures.length} signatures; exactly one is accepted`);
  }
  const literal = packets.find((packet) => packet.tag === PacketTag.literal);
  if (!literal && signatures.length === 1) throw malformed('the signature is detached; a signed message is needed');
  if (!literal || signatures.length === 0) throw malformed('the bytes are not a signed OpenPGP message');
  const signature = readSignaturePacket(signatures[0]!.body);
  checkLayout(packets, signature);
  return { signature, literal: literal.body, data: dataOf(literal.body) };
}

/**
 * The binary form of what a person may upload: an armored OpenPGP message is opened, binary bytes stay as they are.
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

function flatten(packets: readonly Packet[], depth: number): Packet[] {
  const flat: Packet[] = [];
  for (const packet of packets) {
    if (packet.tag === PacketTag.marker || packet.tag === PacketTag.padding) continue;
    if (packet.tag !== PacketTag.compressed) {
      flat.push(packet);
      continue;
    }
    if (depth === 2) throw malformed('the message is compressed more than twice');
    const inner = flatten(readPackets(decompress(packet.body)), depth + 1);
    if (!inner.some((each) => each.tag === PacketTag.literal))
      throw malformed('the compressed packet holds no message');
    flat.push(...inner);
  }
  return flat;
}

function decompress(body: Uint8Array): Uint8Array {
  const [algorithm, compressed] = [body[0], body.subarray(1)];
  if (algorithm === 0) return compressed;
  if (algorithm === 3) throw refusal('UNSUPPORTED_FORMAT', 'bzip2 is not read; sign with --compress-algo zip or none');
  if (algorithm !== 1 && algorithm !== 2) throw malformed(`compression algorithm ${algorithm} is not known`);
  const { buffer, engine } = inflate(algorithm === 1 ? inflateRawSync : inflateSync, compressed);
  if (engine.bytesWritten !== compressed.length) throw malformed('there are bytes after the compressed message');
  return buffer;
}

/** With `info` Node gives the engine too, which knows how much of the input it took; its types leave that out. */
type Inflated = { buffer: Buffer; engine: { bytesWritten: number } };

function inflate(open: typeof inflateSync, compressed: Uint8Array): Inflated {
  try {
    return open(compressed, { maxOutputLength: MAX_MESSAGE_SIZE, info: true }) as unknown as Inflated;
  } catch (error) {
    throw refusal('MALFORMED_ENVELOPE', 'the compressed packet is damaged, or longer than 4 MiB when opened', error);
  }
}

function checkLayout(packets: readonly Packet[], signature: SignatureFields): void {
  const layout = packets.map((packet) => packet.tag).join(' ');
  const onePassFirst = `${PacketTag.onePass} ${PacketTag.literal} ${PacketTag.signature}`;
  if (layout === onePassFirst) return checkOnePass(packets[0]!.body, signature);
  if (layout !== `${PacketTag.signature} ${PacketTag.literal}`)
    throw malformed('the packets are not in the order of a signed message');
}

function checkOnePass(body: Uint8Array, signature: SignatureFields): void {
  const cursor = new Cursor(body);
  const version = cursor.byte();
  const agrees =
    version === (signature.version === 6 ? 6 : 3) &&
    cursor.byte() === signature.type &&
    cursor.byte() === signature.hashAlgorithm &&
    cursor.byte() === signature.publicKeyAlgorithm;
  if (!agrees) throw malformed('the one-pass packet and the signature packet contradict each other');
  if (version === 6 && hex(cursor.take(cursor.byte())) !== signature.salt)
    throw malformed('the one-pass packet has another salt');
  const issuer = hex(cursor.take(version === 6 ? 32 : 8));
  const expected = version === 6 ? signature.fingerprint : signature.keyId;
  if (expected !== undefined && issuer !== expected) throw malformed('the one-pass packet names another key');
  if (cursor.byte() !== 1 || !cursor.atEnd) throw malformed('the one-pass packet announces another signature');
}

function dataOf(literal: Uint8Array): Uint8Array {
  const cursor = new Cursor(literal);
  cursor.byte();
  cursor.take(cursor.byte());
  cursor.take(4);
  return cursor.rest();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}

function malformed(message: string) {
  return refusal('MALFORMED_ENVELOPE', message);
}
