import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** What a log's key may be, with the name that trusted roots have for it. */
const KINDS = {
  Ed25519: 'PKIX_ED25519',
  'P-256': 'PKIX_ECDSA_P256_SHA_256',
  'P-384': 'PKIX_ECDSA_P384_SHA_384',
  RSA: 'PKIX_RSA_PKCS1V15_2048_SHA256',
} as const;
const HASHES = { Ed25519: undefined, 'P-256': 'sha256', 'P-384': 'sha384', RSA: 'sha256' } as const;

/** What a checkpoint may say otherwise than its log would. */
export interface CheckpointChange {
  readonly text?: (text: string) => string;
  readonly name?: string;
  readonly hint?: Buffer;
  /** Further lines of signatures, in front of and behind the log's own. */
  readonly before?: string;
  readonly after?: string;
}

/** A Rekor 2 log inside this process: entries in a Merkle tree, with checkpoints that are signed notes. */
export function openTileLog(host = 'log.example.com', kind: keyof typeof KINDS = 'Ed25519') {
  const { publicKey, privateKey } = generate(kind);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const named = noteId(host, kind, spki);
  return {
    instance: {
      baseUrl: `https://${host}`,
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: spki.toString('base64'),
        keyDetails: KINDS[kind],
        validFor: { start: '2020-01-01T00:00:00Z' },
      },
      logId: { keyId: named.toString('base64') },
    },
    /** The entry with a body at a place in a tree of other entries. */
    entry(body: object | Buffer, { index = 5, size = 11 } = {}, change: CheckpointChange = {}) {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(canonicalJson(body));
      const leaves = Array.from({ length: size }, (_, at) =>
        leafHash(at === index ? bytes : Buffer.from(`other ${at}`)),
      );
      const root = rootOf(leaves);
      const text = (change.text ?? ((same) => same))(`${host}\n${size}\n${root.toString('base64')}\n`);
      const signature = sign(HASHES[kind], Buffer.from(text), privateKey);
      const signed = Buffer.concat([(change.hint ?? named).subarray(0, 4), signature]).toString('base64');
      const lines = `${change.before ?? ''}\u2014 ${change.name ?? host} ${signed}\n${change.after ?? ''}`;
      const { kind: type, apiVersion } = JSON.parse(bytes.toString()) as { kind: string; apiVersion: string };
      return {
        logIndex: String(index),
        logId: { keyId: named.toString('base64') },
        kindVersion: { kind: type, version: apiVersion },
        inclusionProof: {
          logIndex: String(index),
          treeSize: String(size),
          rootHash: root.toString('base64'),
          hashes: pathOf(leaves, index).map((hash) => hash.toString('base64')),
          checkpoint: { envelope: `${text}\n${lines}` },
        },
        canonicalizedBody: bytes.toString('base64'),
      };
    },
  };
}

function generate(kind: keyof typeof KINDS): { publicKey: KeyObject; privateKey: KeyObject } {
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519');
  if (kind === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return generateKeyPairSync('ec', { namedCurve: kind });
}

function noteId(host: string, kind: keyof typeof KINDS, spki: Buffer): Buffer {
  if (kind === 'P-256' || kind === 'P-384') return sha256(spki);
  const key =
    kind === 'RSA' ? [Buffer.from('\xffPKIX-RSA-PKCS#1v1.5', 'latin1'), spki] : [Buffer.of(1), spki.subarray(-32)];
  return sha256(Buffer.from(`${host}\n`), ...key);
}

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const leafHash = (bytes: Uint8Array) => sha256(Buffer.of(0), bytes);

/** The largest power of two below a length: where RFC 6962 (section 2.1) splits a tree. */
function splitOf(length: number): number {
  let split = 1;
  while (split * 2 < length) split *= 2;
  return split;
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0]!;
  const split = splitOf(leaves.length);
  return sha256(Buffer.of(1), rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

function pathOf(leaves: readonly Buffer[], index: number): Buffer[] {
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split ? [...pathOf(left, index), rootOf(right)] : [...pathOf(right, index - split), rootOf(left)];
}

/** RFC 8785, as far as entries need it: sorted members, no space. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonicalJson(each)}`).join(',')}}`;
}
