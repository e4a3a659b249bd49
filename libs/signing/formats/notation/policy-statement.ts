import { invalid, messageOf } from '#platform/domain-error.js';
import type { Check } from '../../report.js';
import { isObject, type JsonObject } from '../strict-object.js';
import { membersByName } from './member-names.js';
import { isNameSubset, parseDistinguishedName } from './parse-distinguished-name.js';

/** Checks whose action a trust policy decides. */
export type PolicyCheck = 'integrity' | 'authenticity' | 'authenticTimestamp' | 'expiry' | 'revocation';
/** Verification levels of a trust policy. */
export type Level = 'strict' | 'permissive' | 'audit' | 'skip';
/** What each check of a level leads to. */
export type Actions = Readonly<Record<PolicyCheck, Check['action']>>;

/** One statement of a trust policy, with the actions that its level and overrides make. */
export interface PolicyStatement {
  readonly name: string;
  readonly registryScopes: readonly string[];
  readonly level: Level;
  readonly actions: Actions;
  readonly verifyTimestamp: 'always' | 'afterCertExpiry';
  readonly trustStores: readonly string[];
  readonly trustedIdentities: readonly string[];
}

const STRICT: Actions = {
  integrity: 'enforce',
  authenticity: 'enforce',
  authenticTimestamp: 'enforce',
  expiry: 'enforce',
  revocation: 'enforce',
};
const PERMISSIVE: Actions = { ...STRICT, authenticTimestamp: 'log', expiry: 'log', revocation: 'log' };

/** The actions of each level before overrides. */
export const LEVELS: Readonly<Record<Level, Actions>> = {
  strict: STRICT,
  permissive: PERMISSIVE,
  audit: { ...PERMISSIVE, authenticity: 'log' },
  skip: { integrity: 'skip', authenticity: 'skip', authenticTimestamp: 'skip', expiry: 'skip', revocation: 'skip' },
};

const STATEMENT = ['name', 'registryScopes', 'signatureVerification', 'trustStores', 'trustedIdentities'];
const VERIFICATION = ['level', 'override', 'verifyTimestamp'];
const STORE = /^(?:ca|signingAuthority|tsa):[a-zA-Z0-9_.-]+$/;
const SUBJECT = 'x509.subject';

/** Validates one statement; `field` is where it stands in the document. */
export function readStatement(value: unknown, field: string): PolicyStatement {
  const statement = membersOf(value, STATEMENT, field);
  const { name } = statement;
  if (typeof name !== 'string' || name === '') throw invalid('A statement needs a name.', `${field}.name`);
  const verification = membersOf(statement['signatureVerification'], VERIFICATION, `${field}.signatureVerification`);
  const level = levelOf(verification['level'], `${field}.signatureVerification.level`);
  const trustStores = textsOf(statement['trustStores'], `${field}.trustStores`);
  const trustedIdentities = textsOf(statement['trustedIdentities'], `${field}.trustedIdentities`);
  if (level === 'skip') refuseTrust(trustStores, trustedIdentities, field);
  else {
    checkStores(trustStores, `${field}.trustStores`);
    checkIdentities(trustedIdentities, `${field}.trustedIdentities`);
  }
  return {
    name,
    registryScopes: textsOf(statement['registryScopes'], `${field}.registryScopes`),
    level,
    actions: override(level, verification['override'], `${field}.signatureVerification.override`),
    verifyTimestamp: verifyTimestampOf(
      verification['verifyTimestamp'],
      `${field}.signatureVerification.verifyTimestamp`,
    ),
    trustStores,
    trustedIdentities,
  };
}

function levelOf(value: unknown, field: string): Level {
  if (typeof value === 'string' && Object.hasOwn(LEVELS, value)) return value as Level;
  throw invalid('The level must be strict, permissive, audit or skip.', field);
}

function verifyTimestampOf(value: unknown, field: string): PolicyStatement['verifyTimestamp'] {
  if (value === undefined || value === null || value === '') return 'always';
  if (value === 'always' || value === 'afterCertExpiry') return value;
  throw invalid('verifyTimestamp must be always or afterCertExpiry.', field);
}

function override(level: Level, value: unknown, field: string): Actions {
  const entries = value === undefined || value === null ? [] : Object.entries(objectOf(value, field));
  if (entries.length > 0 && level === 'skip') throw invalid('The level skip cannot be overridden.', field);
  const actions: Record<PolicyCheck, Check['action']> = { ...LEVELS[level] };
  for (const [check, action] of entries) {
    if (!Object.hasOwn(actions, check)) throw invalid(`The check "${check}" is not known.`, field);
    if (action !== 'enforce' && action !== 'log' && action !== 'skip') {
      throw invalid(`The action for ${check} must be enforce, log or skip.`, `${field}.${check}`);
    }
    if (check === 'integrity') throw invalid('The check integrity cannot be overridden.', `${field}.${check}`);
    if (action === 'skip' && check !== 'revocation')
      throw invalid(`The check ${check} cannot be skipped.`, `${field}.${check}`);
    actions[check as PolicyCheck] = action;
  }
  return actions;
}

function refuseTrust(stores: readonly string[], identities: readonly string[], field: string): void {
  if (stores.length > 0) throw invalid('The level skip allows no trust stores.', `${field}.trustStores`);
  if (identities.length > 0)
    throw invalid('The level skip allows no trusted identities.', `${field}.trustedIdentities`);
}

function checkStores(stores: readonly string[], field: string): void {
  if (stores.length === 0) throw invalid('A statement needs at least one trust store.', field);
  for (const store of stores) {
    if (!STORE.test(store)) {
      throw invalid(
        `The trust store "${store}" must be ca:NAME, signingAuthority:NAME or tsa:NAME, NAME of letters, digits, "_", "." and "-".`,
        field,
      );
    }
  }
}

function checkIdentities(identities: readonly string[], field: string): void {
  if (identities.length === 0) throw invalid('A statement needs at least one trusted identity.', field);
  if (identities.length > 1 && identities.includes('*')) throw invalid('The identity "*" must stand alone.', field);
  const names = identities.flatMap((identity) => (identity === '*' ? [] : readIdentity(identity, field)));
  for (const [index, name] of names.entries()) {
    if (names.some((other, at) => at !== index && isNameSubset(name, other))) {
      throw invalid('Two trusted identities overlap: one contains all attributes of the other.', field);
    }
  }
}

/** Identities with another prefix are for plugins and never match here. */
function readIdentity(identity: string, field: string): ReadonlyMap<string, string>[] {
  const colon = identity.indexOf(':');
  if (colon < 0)
    throw invalid(`The trusted identity "${identity}" must be "*" or "${SUBJECT}: C=…, ST=…, O=…".`, field);
  if (identity.slice(0, colon) !== SUBJECT) return [];
  try {
    return [parseDistinguishedName(identity.slice(colon + 1))];
  } catch (error) {
    throw invalid(`The trusted identity "${identity}" cannot be used: ${messageOf(error)}.`, field);
  }
}

function textsOf(value: unknown, field: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((entry): entry is string => typeof entry === 'string')) return value;
  throw invalid('This must be a list of texts.', field);
}

/** Members by name whatever its case, as notation reads them, so that a policy which it takes is taken here too. */
export function membersOf(value: unknown, names: readonly string[], field: string): JsonObject {
  const members = membersByName(objectOf(value, field), names);
  if (members) return members;
  throw invalid('Two members of this object differ in case only; notation would take the last of them.', field);
}

function objectOf(value: unknown, field: string): JsonObject {
  if (isObject(value)) return value;
  throw invalid('This must be a JSON object.', field);
}
