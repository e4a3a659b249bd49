import { createHash } from 'node:crypto';

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

/** Where a leaf stands in a tree, with the hashes beside its way up. */
export interface MerkleProof {
  readonly index: bigint;
  readonly size: bigint;
  readonly hashes: readonly Uint8Array[];
}

/** The root of the tree that has the leaf at its place (RFC 6962, section 2.1.1); undefined when there is no such place. */
export function merkleRootOf(leaf: Uint8Array, { index, size, hashes }: MerkleProof): Buffer | undefined {
  if (index < 0n || index >= size) return undefined;
  // Below the point where the ways of this leaf and of the last one part, neighbours are left or right; above, all are left.
  const inner = lengthOf(index ^ (size - 1n));
  if (hashes.length !== inner + onesIn(index >> BigInt(inner))) return undefined;
  return hashes.reduce<Buffer>(
    (node, beside, level) => {
      const isRight = level >= inner || ((index >> BigInt(level)) & 1n) === 1n;
      return isRight ? sha256(NODE, beside, node) : sha256(NODE, node, beside);
    },
    sha256(LEAF, leaf),
  );
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const lengthOf = (number: bigint) => (number === 0n ? 0 : number.toString(2).length);
const onesIn = (number: bigint) => number.toString(2).replaceAll('0', '').length;
