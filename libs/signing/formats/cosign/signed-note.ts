import { decodeBase64 } from '../base64.js';

/** A text with the signatures below it (golang.org/x/mod/sumdb/note; transparency.dev, "signed note"). */
export interface SignedNote {
  /** What is signed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** One signature of a note. */
export interface NoteSignature {
  readonly name: string;
  /** The first four bytes of what the key goes by. */
  readonly hint: Buffer;
  readonly signature: Buffer;
}

/** The head of a log's tree: the first three lines of its notes. */
export interface TreeHead {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Buffer;
}

const LINE = /^\u2014 (?<name>\S+) (?<signature>\S+)$/;
// Line breaks are the only control characters of a note.
const CONTROL = /[\0-\t\v-\x1f]/; // eslint-disable-line no-control-regex
const MAX_SIGNATURES = 100;
const HINT_BYTES = 4;
const MAX_SIZE = 2n ** 64n;

/** Reads a note strictly; undefined when it is not one. */
export function readNote(envelope: string): SignedNote | undefined {
  const end = envelope.lastIndexOf('\n\n');
  if (end < 0 || !envelope.endsWith('\n') || CONTROL.test(envelope)) return undefined;
  const lines = envelope
    .slice(end + 2)
    .split('\n')
    .slice(0, -1);
  const signatures = lines.map(readSignature).filter((signature) => signature !== undefined);
  if (lines.length === 0 || lines.length > MAX_SIGNATURES || signatures.length < lines.length) return undefined;
  return { text: envelope.slice(0, end + 1), signatures };
}

/** The tree that a note is about; undefined when it is about none. */
export function treeHeadOf({ text }: SignedNote): TreeHead | undefined {
  const [origin = '', size = '', root, ...rest] = text.split('\n');
  const hash = decodeBase64(root);
  if (origin === '' || !/^\d{1,20}$/.test(size) || BigInt(size) >= MAX_SIZE || !hash || rest.length === 0)
    return undefined;
  return { origin, size: BigInt(size), root: hash };
}

function readSignature(line: string): NoteSignature | undefined {
  const { name = '', signature } = LINE.exec(line)?.groups ?? {};
  const bytes = decodeBase64(signature);
  if (name === '' || !bytes || bytes.length <= HINT_BYTES) return undefined;
  return { name, hint: bytes.subarray(0, HINT_BYTES), signature: bytes.subarray(HINT_BYTES) };
}
