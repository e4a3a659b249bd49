import type { TransparencyLogEntry } from '@sigstore/bundle';
import { createHash } from 'node:crypto';
import { merkleRootOf } from './merkle-proof.js';
import { readNote, type SignedNote, treeHeadOf } from './signed-note.js';
import { hashOfKey, isSignedByLog, keyIdOf, type TransparencyLog } from './transparency-log.js';

/** A tree of a Rekor 1 log goes by its number. */
const REKOR_1_ORIGIN = /^.* - [0-9]+$/;
const HOST = /^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[^@/?#]*@)?(?:\[(?<v6>[^\]]+)\]|(?<name>[^:/?#]+))/i;
/** How keys are told apart below a checkpoint of Rekor 2 (C2SP, "signed note"). */
const ED25519_NOTE = Buffer.from([1]);
const RSA_NOTE = Buffer.from('\xffPKIX-RSA-PKCS#1v1.5', 'latin1');

/** A checkpoint with the tree that it signs. */
export interface Checkpoint {
  readonly note: SignedNote;
  readonly origin: string;
  readonly size: bigint;
  readonly root: Buffer;
}

/** The checkpoint of an entry; undefined when it has none that can be read. */
export function checkpointOf({ inclusionProof }: TransparencyLogEntry): Checkpoint | undefined {
  const note = readNote(inclusionProof?.checkpoint?.envelope ?? '');
  const head = note && treeHeadOf(note);
  return head && { note, ...head };
}

/** True for a log of tiles, which is Rekor 2. */
export function isOfTiles({ origin }: Checkpoint): boolean {
  return !REKOR_1_ORIGIN.test(origin);
}

/** True when the log signed the checkpoint and the entry is in its tree, by the rules of the log's version. */
export function isIncluded(entry: TransparencyLogEntry, checkpoint: Checkpoint, log: TransparencyLog): boolean {
  const { canonicalizedBody: body, inclusionProof: proof } = entry;
  if (!proof) return false;
  const isTile = isOfTiles(checkpoint);
  if (isTile ? !isSignedByTiles(checkpoint, log) : !isSignedByRekor1(checkpoint, log)) return false;
  // Rekor 1 counts in its newest tree, and repeats size and root in the proof.
  const place = isTile
    ? { index: BigInt(entry.logIndex), size: checkpoint.size }
    : { index: BigInt(proof.logIndex), size: BigInt(proof.treeSize) };
  if (!isTile && !checkpoint.root.equals(proof.rootHash)) return false;
  return merkleRootOf(body, { ...place, hashes: proof.hashes })?.equals(checkpoint.root) === true;
}

/** Rekor 1: nobody else signs, under whatever name; ECDSA and RSA always over SHA-256. */
function isSignedByRekor1({ note }: Checkpoint, { key }: TransparencyLog): boolean {
  const [hint, text] = [keyIdOf(key).subarray(0, 4), Buffer.from(note.text)];
  return note.signatures.every((each) => each.hint.equals(hint) && isSignedByLog(key, text, each.signature, 'sha256'));
}

/** Rekor 2: the log signs under its host name, which is the origin too; witnesses may sign as well. */
function isSignedByTiles({ note, origin }: Checkpoint, { key, address }: TransparencyLog): boolean {
  const { v6, name } = HOST.exec(address)?.groups ?? {};
  const host = v6 ?? name;
  if (host === undefined || origin !== host || note.signatures.some((each) => each.name.includes('+'))) return false;
  const hint = noteHintOf(host, key);
  const own = note.signatures.find((each) => each.name === host && each.hint.equals(hint));
  return own !== undefined && isSignedByLog(key, Buffer.from(note.text), own.signature, hashOfKey(key));
}

function noteHintOf(name: string, key: TransparencyLog['key']): Buffer {
  const spki = key.export({ type: 'spki', format: 'der' });
  if (key.asymmetricKeyType === 'ec') return keyIdOf(key).subarray(0, 4);
  const named = createHash('sha256').update(`${name}\n`);
  if (key.asymmetricKeyType === 'ed25519') named.update(ED25519_NOTE).update(spki.subarray(-32));
  else named.update(RSA_NOTE).update(spki);
  return named.digest().subarray(0, 4);
}
