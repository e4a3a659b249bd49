import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { TrustMaterial as SigstoreTrust } from '@sigstore/verify';

/** A tree of a Rekor 1 log goes by its number. */
const REKOR_1_ORIGIN = /^.* - [0-9]+$/;
const CHECKPOINT = /^(?<note>(?:[^\n]+\n){3,})\n(?<signatures>(?:\u2014 (?<name>\S+) [A-Za-z0-9+/]+={0,2}\n)+)$/;

/**
 * True when the checkpoint of an entry is well formed (a note, an empty line, lines of signatures) and the entry's numbers
 * are those of the signed tree: Rekor 1 signs once and repeats size and root in the proof, Rekor 2 counts in one tree. That
 * the checkpoint is signed and the entry in its tree is for the library to say.
 */
export function agreesWithCheckpoint({ logIndex, inclusionProof: proof }: TransparencyLogEntry): boolean {
  const parts = CHECKPOINT.exec(proof?.checkpoint?.envelope ?? '')?.groups;
  if (!proof || !parts) return false;
  const [origin = '', size, root] = parts['note']!.split('\n');
  if (!REKOR_1_ORIGIN.test(origin)) return logIndex === proof.logIndex;
  const isSignedOnce = parts['signatures']!.indexOf('\n') === parts['signatures']!.length - 1;
  return isSignedOnce && size === proof.treeSize && root === Buffer.from(proof.rootHash).toString('base64');
}

/**
 * The logs under the name beside the signature of a Rekor 1 checkpoint. The name is not signed and need not be the log's
 * address, so clients go by the key alone; the library wants the name in the address, as it is with Rekor 2.
 */
export function logsByKey(
  { inclusionProof }: TransparencyLogEntry,
  logs: SigstoreTrust['tlogs'],
): SigstoreTrust['tlogs'] {
  const parts = CHECKPOINT.exec(inclusionProof?.checkpoint?.envelope ?? '')?.groups;
  if (!parts || !REKOR_1_ORIGIN.test(parts['note']!.split('\n')[0]!)) return logs;
  return logs.map((log) => ({ ...log, baseURL: parts['name']! }));
}
