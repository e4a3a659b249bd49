import { type Config, config as defaults, enums, LiteralDataPacket, SignaturePacket } from 'openpgp';
import { messageOf } from '#platform/domain-error.js';
import type { CheckCode } from '../../report.js';
import type { SigningKey } from './key-ring.js';
import { findCurveProblem } from './key-validity.js';
import type { SignedMessage } from './signed-message.js';

/** What the cryptography says: `holds` when these bytes were signed by this key, even with an algorithm that is too weak. */
export interface CryptographyResult {
  readonly holds: boolean;
  readonly code?: CheckCode;
  readonly detail?: string;
}

/** Weakness and times are checks of their own; here only the numbers count. */
const NUMBERS_ONLY: Config = { ...defaults, rejectHashAlgorithms: new Set(), rejectMessageHashAlgorithms: new Set() };
const WEAK_HASHES: ReadonlySet<number> = new Set([enums.hash.md5, enums.hash.sha1, enums.hash.ripemd]);
const MESSAGE_TYPES: ReadonlySet<number> = new Set([enums.signature.binary, enums.signature.text]);

/** Verifies the signature over the literal data with one key. */
export async function verifyCryptography(message: SignedMessage, key: SigningKey): Promise<CryptographyResult> {
  const { signature } = message;
  const problem = findCurveProblem(key);
  if (problem) return bad(problem.code, problem.detail);
  if (!MESSAGE_TYPES.has(signature.type))
    return bad('BAD_SIGNATURE', 'the signature is made over something else than a document');
  const packet = new SignaturePacket();
  try {
    await (packet as unknown as Readable).read(signature.body);
  } catch (error) {
    return bad('UNSUPPORTED_ALGORITHM', `the signature cannot be read: ${messageOf(error)}`);
  }
  try {
    const literal = new LiteralDataPacket();
    await (literal as unknown as Readable).read(message.literal);
    await (packet as unknown as Verifiable).verify(
      key.component.keyPacket,
      signature.type,
      literal,
      null,
      false,
      NUMBERS_ONLY,
    );
  } catch (error) {
    return bad(codeOf(messageOf(error)), messageOf(error));
  }
  if (!WEAK_HASHES.has(signature.hashAlgorithm)) return { holds: true };
  return { holds: true, code: 'WEAK_ALGORITHM', detail: `the signature rests on ${hashName(signature.hashAlgorithm)}` };
}

/** Name of a hash algorithm as OpenPGP numbers it. */
export function hashName(algorithm: number): string {
  return nameIn(enums.hash, algorithm);
}

/** Name of a public-key algorithm as OpenPGP numbers it. */
export function publicKeyAlgorithmName(algorithm: number): string {
  return nameIn(enums.publicKey, algorithm);
}

/** The packet classes' own methods, which the published types leave out. */
interface Readable {
  read(bytes: Uint8Array): void | Promise<void>;
}
interface Verifiable {
  verify(
    key: unknown,
    type: number,
    data: unknown,
    date: Date | null,
    detached: boolean,
    config: Config,
  ): Promise<void>;
}

function codeOf(message: string): CheckCode {
  if (/unknown critical/i.test(message)) return 'CRITICAL_ATTRIBUTE_UNHANDLED';
  return /unsupported|not supported|unknown .*algorithm/i.test(message) ? 'UNSUPPORTED_ALGORITHM' : 'BAD_SIGNATURE';
}

function nameIn(names: Readonly<Record<string, unknown>>, algorithm: number): string {
  return Object.entries(names).find(([, value]) => value === algorithm)?.[0] ?? `algorithm ${algorithm}`;
}

function bad(code: CheckCode, detail: string): CryptographyResult {
  return { holds: false, code, detail };
}
