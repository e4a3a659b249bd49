import { parseImageReference } from '#oci/reference.js';
import { parseStrictJson } from '#oci/strict-json.js';
import { invalid, messageOf } from '#platform/domain-error.js';
import { isObject } from '../strict-object.js';
import { membersOf, readStatement, type PolicyStatement } from './policy-statement.js';

/** A trust policy document that passed every rule. */
export interface NotationPolicy {
  readonly statements: readonly PolicyStatement[];
}

const FIELD = 'notationTrustPolicy';
const DOMAIN =
  /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;

const validated = new WeakMap<object, NotationPolicy>();

/**
 * Validates notation's `trustpolicy.oci.json`, formerly `trustpolicy.json`; throws a `DomainError` that names the member which
 * breaks a rule. As with notation the case of names does not matter, and unknown members are passed over. A member that is there
 * twice is refused, where notation takes the last one.
 */
export function readNotationPolicy(document: unknown): NotationPolicy {
  const value = typeof document === 'string' ? parseText(document) : document;
  if (!isObject(value)) throw invalid('A trust policy must be a JSON object.', FIELD);
  const known = validated.get(value);
  if (known) return known;
  const { version, trustPolicies } = membersOf(value, ['version', 'trustPolicies'], FIELD);
  if (version !== '1.0') throw invalid('The version of a trust policy must be "1.0".', `${FIELD}.version`);
  if (!Array.isArray(trustPolicies) || trustPolicies.length === 0) {
    throw invalid('A trust policy needs at least one statement.', `${FIELD}.trustPolicies`);
  }
  if (trustPolicies.every(isForBlobs)) {
    throw invalid(
      'This is a trust policy for blobs (trustpolicy.blob.json), which says nothing of images: give trustpolicy.oci.json or trustpolicy.json, whose statements have registryScopes.',
      `${FIELD}.trustPolicies`,
    );
  }
  const statements = trustPolicies.map((statement: unknown, index) =>
    readStatement(statement, `${FIELD}.trustPolicies[${index}]`),
  );
  refuseRepeatedNames(statements);
  checkScopes(statements);
  const policy = { statements };
  validated.set(value, policy);
  return policy;
}

/** Statements of blobs name no registry scopes; one of them may be for all. */
function isForBlobs(statement: unknown): boolean {
  return isObject(statement) && !('registryScopes' in statement) && typeof statement['globalPolicy'] === 'boolean';
}

function parseText(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    throw invalid(`The trust policy is not strict JSON: ${messageOf(error)}.`, FIELD);
  }
}

function refuseRepeatedNames(statements: readonly PolicyStatement[]): void {
  const names = new Set<string>();
  for (const [index, { name }] of statements.entries()) {
    if (names.has(name)) throw invalid(`Two statements are named "${name}".`, `${FIELD}.trustPolicies[${index}].name`);
    names.add(name);
  }
}

function checkScopes(statements: readonly PolicyStatement[]): void {
  const seen = new Set<string>();
  for (const [index, { registryScopes }] of statements.entries()) {
    const field = `${FIELD}.trustPolicies[${index}].registryScopes`;
    if (registryScopes.length === 0) throw invalid('A statement needs at least one registry scope.', field);
    if (registryScopes.length > 1 && registryScopes.includes('*'))
      throw invalid('The scope "*" must stand alone.', field);
    for (const scope of registryScopes) {
      if (scope !== '*' && !isScope(scope)) {
        throw invalid(`The scope "${scope}" must be host/repository without wildcard, tag or digest.`, field);
      }
      if (seen.has(scope)) throw invalid(`The scope "${scope}" may appear only once in the whole policy.`, field);
      seen.add(scope);
    }
  }
}

function isScope(scope: string): boolean {
  const [domain = '', ...path] = scope.split('/');
  return DOMAIN.test(domain) && path.length > 0 && path.every((component) => COMPONENT.test(component));
}

/** The statement for a scope: the one that names it, else the one for `*`, else undefined. */
export function selectStatement(policy: NotationPolicy, scope: string | undefined): PolicyStatement | undefined {
  const exact =
    scope === undefined ? undefined : policy.statements.find(({ registryScopes }) => registryScopes.includes(scope));
  return exact ?? policy.statements.find(({ registryScopes }) => registryScopes.includes('*'));
}

/** The registry scope of an image reference, `host/name`. */
export function scopeOf(reference: string | undefined): string | undefined {
  const parsed = reference === undefined ? undefined : parseImageReference(reference);
  return parsed ? `${parsed.host}/${parsed.name}` : undefined;
}
