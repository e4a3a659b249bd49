import { invalid, isDomainError, type DomainError } from '#platform/domain-error.js';
import { parseContainersPolicy } from '../containers-policy.js';
import { viewTrustedRoot } from '../formats/cosign/trusted-root.js';
import { readNotationPolicy } from '../formats/notation/notation-policy.js';
import type { TrustMaterial } from '../trust-material.js';

const TEXT_LISTS = [
  'openpgp_keys',
  'cosign_keys',
  'certificates',
  'tsa_certificates',
  'crls',
  'predicate_types',
] as const;
const DOCUMENTS = ['notation_trust_policy', 'containers_policy', 'trusted_root'] as const;
const MEMBERS: ReadonlySet<string> = new Set([
  ...TEXT_LISTS,
  ...DOCUMENTS,
  'scope',
  'trust_stores',
  'policy_files',
  'identities',
]);

/** Most entries of one list, and most characters of one text. */
const LIMITS = { entries: 100, characters: 1_000_000 };

/** Reads the `trust` member of a request or of a stored policy; throws invalid errors that name the member. */
export function readTrust(value: unknown): TrustMaterial {
  if (!isObject(value)) throw invalid('This field must be an object with keys, certificates or policies.', 'trust');
  for (const name of Object.keys(value))
    if (!MEMBERS.has(name)) throw invalid(`Unexpected field '${name}'.`, `trust.${name}`);
  const lists = Object.fromEntries(TEXT_LISTS.map((name) => [name, texts(value[name], `trust.${name}`)])) as Record<
    (typeof TEXT_LISTS)[number],
    string[]
  >;
  const scope = value['scope'];
  if (scope !== undefined && scope !== null && typeof scope !== 'string')
    throw invalid('Not a valid string.', 'trust.scope');
  return {
    openpgpKeys: lists.openpgp_keys,
    cosignKeys: lists.cosign_keys,
    certificates: lists.certificates,
    tsaCertificates: lists.tsa_certificates,
    crls: lists.crls,
    ...(lists.predicate_types.length > 0 ? { predicateTypes: lists.predicate_types } : {}),
    ...document(value, 'notation_trust_policy', 'notationTrustPolicy'),
    ...document(value, 'containers_policy', 'containersPolicy'),
    ...document(value, 'trusted_root', 'trustedRoot'),
    ...(typeof scope === 'string' && scope !== '' ? { scope } : {}),
    ...(value['trust_stores'] === undefined ? {} : { trustStores: stores(value['trust_stores']) }),
    ...(value['policy_files'] === undefined ? {} : { policyFiles: files(value['policy_files']) }),
    ...(value['identities'] === undefined ? {} : { identities: identities(value['identities']) }),
  };
}

/** Why a native document in trust material cannot be used, as an invalid error that names the member; undefined when all can. */
export function findUnusable(trust: TrustMaterial): DomainError | undefined {
  const { containersPolicy, notationTrustPolicy, trustedRoot } = trust;
  const root = viewTrustedRoot(trustedRoot).problem;
  if (root !== undefined) return invalid(root, 'trust.trusted_root');
  return (
    (containersPolicy === undefined
      ? undefined
      : refusalOf('containers_policy', () => parseContainersPolicy(containersPolicy))) ??
    (notationTrustPolicy === undefined
      ? undefined
      : refusalOf('notation_trust_policy', () => readNotationPolicy(notationTrustPolicy)))
  );
}

function refusalOf(member: (typeof DOCUMENTS)[number], read: () => unknown): DomainError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return invalid(error.message, `trust.${member}`);
  }
}

function document<K extends string>(
  value: Record<string, unknown>,
  member: string,
  name: K,
): Partial<Record<K, unknown>> {
  const found = value[member];
  return found === undefined || found === null ? {} : ({ [name]: found } as Record<K, unknown>);
}

function texts(value: unknown, field: string): string[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return texts([value], field);
  if (!Array.isArray(value)) throw invalid('Expected a list of texts.', field);
  if (value.length > LIMITS.entries) throw invalid(`At most ${LIMITS.entries} entries.`, field);
  for (const text of value)
    if (typeof text !== 'string' || text.length > LIMITS.characters)
      throw invalid(`Every entry must be a text of at most ${LIMITS.characters} characters.`, field);
  return value as string[];
}

function stores(value: unknown): Record<string, string[]> {
  if (!isObject(value))
    throw invalid('Expected an object from store names to lists of certificates.', 'trust.trust_stores');
  return Object.fromEntries(
    Object.entries(value).map(([name, list]) => [name, texts(list, `trust.trust_stores.${name}`)]),
  );
}

function files(value: unknown): Record<string, string> {
  if (!isObject(value)) throw invalid('Expected an object from paths to texts.', 'trust.policy_files');
  const entries = Object.entries(value).map(([path, text]) => [path, texts([text], 'trust.policy_files')[0]!] as const);
  if (entries.length > LIMITS.entries) throw invalid(`At most ${LIMITS.entries} entries.`, 'trust.policy_files');
  return Object.fromEntries(entries);
}

function identities(value: unknown): { subject: string; issuer: string }[] {
  if (!Array.isArray(value)) throw invalid('Expected a list of {subject, issuer}.', 'trust.identities');
  return value.map((entry: unknown) => {
    if (!isObject(entry) || typeof entry['subject'] !== 'string' || typeof entry['issuer'] !== 'string')
      throw invalid('Every entry needs the texts subject and issuer.', 'trust.identities');
    return { subject: entry['subject'], issuer: entry['issuer'] };
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
