import { hexOf, algorithmOf, isDigest, type Digest } from '#oci/digest.js';
import { refusal } from '../refusal.js';
import { readMessage } from './proto-json.js';
import { STATEMENT } from './sigstore-shapes.js';
import { isObject, readObject, type JsonObject } from '../strict-object.js';

/** The predicate type that makes an in-toto statement an image signature of cosign. */
export const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';
const STATEMENTS: ReadonlySet<unknown> = new Set([
  'https://in-toto.io/Statement/v1',
  'https://in-toto.io/Statement/v0.1',
]);
const MAX_SUBJECTS = 10_000;
/** Bounds of the clients that read bundles. */
const MAX_BUNDLE_SUBJECTS = 1024;
const MAX_BUNDLE_DIGESTS = 32;

/** One subject of a statement: its digests as `algorithm → hex`. */
export interface StatementSubject {
  readonly name?: string;
  readonly digest: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** What an in-toto statement says. */
export interface Statement {
  readonly predicateType: string;
  readonly subjects: readonly StatementSubject[];
}

/** The statement that `cosign sign` signs for a manifest (in-toto Statement v1, empty predicate). */
export function encodeSignStatement(digest: Digest): Uint8Array {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { [algorithmOf(digest)]: hexOf(digest) } }],
    predicateType: SIGN_PREDICATE,
    predicate: {},
  };
  return Buffer.from(JSON.stringify(statement));
}

/** The statement that a signature covers; throws `DomainError`. */
export function statementOf({ scheme, payload }: { readonly scheme: string; readonly payload: Uint8Array }): Statement {
  const document = readObject(payload, 'the statement', 'MALFORMED_PAYLOAD');
  if (scheme !== 'cosign:bundle') return readStatement(document);
  const canonical = readMessage(document, STATEMENT, { what: 'the statement', code: 'MALFORMED_PAYLOAD' });
  const statement = readStatement(canonical);
  const { subjects } = statement;
  const digests = subjects.map(({ digest }) => Object.values(digest));
  if (subjects.length > MAX_BUNDLE_SUBJECTS || digests.some(({ length }) => length > MAX_BUNDLE_DIGESTS))
    throw refusal(
      'RESOURCE_LIMIT',
      `the statement has over ${MAX_BUNDLE_SUBJECTS} subjects, or over ${MAX_BUNDLE_DIGESTS} digests of one`,
    );
  if (!digests.flat().every((hex) => /^(?:[0-9a-f]{2})*$/i.test(hex))) throw malformed('digests must be in hex');
  return statement;
}

function readStatement(document: JsonObject): Statement {
  const { subject, predicateType } = document;
  if (!STATEMENTS.has(document['_type'])) throw malformed('"_type" must be in-toto Statement v1 or v0.1');
  if (typeof predicateType !== 'string' || predicateType === '') throw malformed('"predicateType" must be a text');
  if (!Array.isArray(subject) || subject.length === 0) throw malformed('"subject" must be a list that is not empty');
  if (subject.length > MAX_SUBJECTS) throw refusal('RESOURCE_LIMIT', `the statement has over ${MAX_SUBJECTS} subjects`);
  return { predicateType, subjects: subject.map(readSubject) };
}

/** The subject with exactly this digest, if there is one. */
export function subjectOf(statement: Statement, digest: Digest): StatementSubject | undefined {
  const [algorithm, hex] = [algorithmOf(digest), hexOf(digest)];
  return statement.subjects.find((subject) => subject.digest[algorithm] === hex);
}

/** The first digest that this registry can name, shown as the claimed subject. */
export function claimedDigest(statement: Statement): Digest | undefined {
  for (const { digest } of statement.subjects) {
    const found = ['sha256', 'sha512'].map((algorithm) => `${algorithm}:${digest[algorithm]}`).find(isDigest);
    if (found) return found;
  }
  return undefined;
}

function readSubject(value: unknown): StatementSubject {
  if (!isObject(value) || !isObject(value['digest'])) throw malformed('every subject needs a "digest" object');
  const { name, digest, annotations } = value;
  if (!Object.values(digest).every((hex) => typeof hex === 'string')) throw malformed('digests must be texts');
  return {
    digest: digest as Readonly<Record<string, string>>,
    ...(typeof name === 'string' ? { name } : {}),
    ...(isObject(annotations) ? { annotations } : {}),
  };
}

const malformed = (problem: string) => refusal('MALFORMED_PAYLOAD', `the in-toto statement is wrong: ${problem}`);
