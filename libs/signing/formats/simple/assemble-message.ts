import { createHash } from 'node:crypto';
import type { NativeKey } from './native-key.js';
import { PacketTag, writeLength, writePacket } from './packets.js';

const BINARY_DOCUMENT = 0x00;
const [CREATED, ISSUER, ISSUER_FINGERPRINT] = [2, 16, 33];

/**
 * An uncompressed signed message (RFC 9580 section 10.3): one-pass packet, literal data, v4 signature. The hashed
 * subpackets are the issuer's fingerprint and the creation time, as GnuPG writes them.
 */
export async function assembleSignedMessage(data: Uint8Array, key: NativeKey, created: Date): Promise<Uint8Array> {
  const keyId = key.fingerprint.subarray(-8);
  const time = Buffer.alloc(4);
  time.writeUInt32BE(Math.floor(created.getTime() / 1000));
  const hashed = Buffer.concat([
    subpacket(ISSUER_FINGERPRINT!, [Uint8Array.of(4), key.fingerprint]),
    subpacket(CREATED!, [time]),
  ]);
  const unhashed = subpacket(ISSUER!, [keyId]);
  const head = Buffer.concat([
    Uint8Array.of(4, BINARY_DOCUMENT, key.algorithm, key.hashId),
    width(hashed.length),
    hashed,
  ]);
  const toHash = Buffer.concat([data, head, trailer(head.length)]);
  const digest = createHash(key.hash).update(toHash).digest();
  const signature = await key.sign(toHash, digest);
  return Buffer.concat([
    writePacket(
      PacketTag.onePass,
      Buffer.concat([Uint8Array.of(3, BINARY_DOCUMENT, key.hashId, key.algorithm), keyId, Uint8Array.of(1)]),
    ),
    writePacket(PacketTag.literal, Buffer.concat([Uint8Array.of(0x62, 0), time, data])),
    writePacket(
      PacketTag.signature,
      Buffer.concat([head, width(unhashed.length), unhashed, digest.subarray(0, 2), signature]),
    ),
  ]);
}

function subpacket(type: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat([Uint8Array.of(type), ...parts]);
  return Buffer.concat([writeLength(body.length), body]);
}

function trailer(length: number): Uint8Array {
  const bytes = Buffer.from([4, 0xff, 0, 0, 0, 0]);
  bytes.writeUInt32BE(length, 2);
  return bytes;
}

function width(length: number): Uint8Array {
  return Uint8Array.of(length >> 8, length & 0xff);
}
