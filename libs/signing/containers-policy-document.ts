import { posix } from 'node:path';
import { isRepositoryName } from '#oci/reference.js';
import { invalid } from '#platform/domain-error.js';
import type {
  ContainersPolicy,
  PolicyFile,
  PolicyRequirement,
  SignedByRequirement,
  SignedIdentity,
  SigstoreSignedRequirement,
} from './containers-policy.js';
import { type DockerReference, isNameOnly, isRegistryHost, parseDockerReference } from './docker-reference.js';

type Members = Readonly<Record<string, unknown>>;

/** Checks the shape of a parsed containers `policy.json` (containers-policy.json(5)). */
export function parsePolicyDocument(document: unknown): ContainersPolicy {
  const members = objectOf(document, 'the policy', ['default', 'transports']);
  const transports = new Map<string, ReadonlyMap<string, readonly PolicyRequirement[]>>();
  for (const [transport, scopes] of Object.entries(
    members['transports'] === undefined ? {} : objectOf(members['transports'], 'transports'),
  )) {
    const where = `transports.${transport}`;
    const entries = Object.entries(objectOf(scopes, where));
    const fits = SCOPES.get(transport);
    const wrong = entries.find(([scope]) => scope !== '' && fits?.(scope) === false)?.[0];
    if (wrong !== undefined) throw refuse(`${where} has the scope "${wrong}", which no image of ${transport} has`);
    transports.set(
      transport,
      new Map(entries.map(([scope, list]) => [scope, requirementsOf(list, `${where}."${scope}"`)])),
    );
  }
  return { default: requirementsOf(members['default'], 'default'), transports };
}

const isCleanPath = (scope: string) =>
  scope !== '/' && posix.isAbsolute(scope) && posix.normalize(scope) === scope && !scope.endsWith('/');

/** The scopes of transports whose clients check them, besides the empty one. */
const SCOPES: ReadonlyMap<string, (scope: string) => boolean> = new Map([
  ['dir', isCleanPath],
  ['oci', isCleanPath],
  ['oci-archive', isCleanPath],
  ['docker-archive', () => false],
]);

function requirementsOf(value: unknown, where: string): readonly PolicyRequirement[] {
  if (!Array.isArray(value) || value.length === 0) throw refuse(`${where} must be a list of at least one requirement`);
  return value.map((requirement, index) => requirementOf(requirement, `${where}[${index}]`));
}

function requirementOf(value: unknown, where: string): PolicyRequirement {
  const type = objectOf(value, where)['type'];
  switch (type) {
    case 'insecureAcceptAnything':
    case 'reject':
      objectOf(value, where, ['type']);
      return { type };
    case 'signedBy':
      return signedByOf(value, where);
    case 'sigstoreSigned':
      return sigstoreSignedOf(value, where);
    case 'signedBaseLayer': {
      const members = objectOf(value, where, ['type', 'baseLayerIdentity']);
      return { type, baseLayerIdentity: identityOf(members['baseLayerIdentity'], `${where}.baseLayerIdentity`) };
    }
    default:
      throw refuse(`${where}.type ${JSON.stringify(type)} is not a known requirement type`);
  }
}

const KEY_TYPES: ReadonlySet<unknown> = new Set(['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs']);

function signedByOf(value: unknown, where: string): SignedByRequirement {
  const members = objectOf(value, where, ['type', 'keyType', 'keyPath', 'keyPaths', 'keyData', 'signedIdentity']);
  const { keyType } = members;
  if (!KEY_TYPES.has(keyType)) throw refuse(`${where}.keyType must be one of ${[...KEY_TYPES].join(', ')}`);
  const keys = filesOf(members, 'key', where, ['Path', 'Paths', 'Data']);
  if (!keys) throw refuse(`${where} needs exactly one of keyPath, keyPaths and keyData`);
  return {
    type: 'signedBy',
    keyType: keyType as SignedByRequirement['keyType'],
    keys,
    ...signedIdentity(members, where),
  };
}

const LISTS = ['Path', 'Paths', 'Data', 'Datas'] as const;
const KEYS = LISTS.map((form) => `key${form}`);
const LOG_KEYS = LISTS.map((form) => `rekorPublicKey${form}`);

function sigstoreSignedOf(value: unknown, where: string): SigstoreSignedRequirement {
  const members = objectOf(value, where, ['type', ...KEYS, 'fulcio', 'pki', ...LOG_KEYS, 'signedIdentity']);
  const keys = filesOf(members, 'key', where, LISTS);
  const { fulcio, pki } = members;
  if ([keys, fulcio, pki].filter((source) => source !== undefined).length !== 1)
    throw refuse(`${where} needs exactly one of ${KEYS.join(', ')}, fulcio and pki`);
  const logKeys = filesOf(members, 'rekorPublicKey', where, LISTS);
  if (fulcio !== undefined && !logKeys) throw refuse(`${where} with fulcio needs one of ${LOG_KEYS.join(', ')}`);
  if (pki !== undefined && logKeys) throw refuse(`${where} with pki must not name a Rekor key`);
  return {
    type: 'sigstoreSigned',
    ...(keys && { keys }),
    ...(fulcio !== undefined && { fulcio: fulcioOf(fulcio, `${where}.fulcio`) }),
    ...(pki !== undefined && { pki: pkiOf(pki, `${where}.pki`) }),
    ...(logKeys && { logKeys }),
    ...signedIdentity(members, where),
  };
}

function fulcioOf(value: unknown, where: string): NonNullable<SigstoreSignedRequirement['fulcio']> {
  const members = objectOf(value, where, ['caPath', 'caData', 'oidcIssuer', 'subjectEmail']);
  return {
    ca: fileOf(members, 'ca', where),
    oidcIssuer: textOf(members['oidcIssuer'], `${where}.oidcIssuer`),
    subjectEmail: textOf(members['subjectEmail'], `${where}.subjectEmail`),
  };
}

const PKI = [
  'caRootsPath',
  'caRootsData',
  'caIntermediatesPath',
  'caIntermediatesData',
  'subjectHostname',
  'subjectEmail',
];

function pkiOf(value: unknown, where: string): NonNullable<SigstoreSignedRequirement['pki']> {
  const members = objectOf(value, where, PKI);
  const { subjectHostname: host, subjectEmail: email } = members;
  if (host === undefined && email === undefined) throw refuse(`${where} needs subjectHostname or subjectEmail`);
  const between = filesOf(members, 'caIntermediates', where, ['Path', 'Data']);
  return {
    roots: fileOf(members, 'caRoots', where),
    ...(between && { intermediates: between[0]! }),
    ...(host !== undefined && { subjectHostname: textOf(host, `${where}.subjectHostname`) }),
    ...(email !== undefined && { subjectEmail: textOf(email, `${where}.subjectEmail`) }),
  };
}

function signedIdentity(members: Members, where: string): { signedIdentity?: SignedIdentity } {
  const value = members['signedIdentity'];
  return value === undefined ? {} : { signedIdentity: identityOf(value, `${where}.signedIdentity`) };
}

function identityOf(value: unknown, where: string): SignedIdentity {
  const type = objectOf(value, where)['type'];
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      objectOf(value, where, ['type']);
      return { type };
    case 'exactReference':
      return { type, dockerReference: referenceOf(value, 'dockerReference', where, isPinned) };
    case 'exactRepository':
      return { type, dockerRepository: referenceOf(value, 'dockerRepository', where) };
    case 'remapIdentity': {
      const members = objectOf(value, where, ['type', 'prefix', 'signedPrefix']);
      return {
        type,
        prefix: prefixOf(members, 'prefix', where),
        signedPrefix: prefixOf(members, 'signedPrefix', where),
      };
    }
    default:
      throw refuse(`${where}.type ${JSON.stringify(type)} is not a known identity type`);
  }
}

const isPinned = (reference: DockerReference) => !isNameOnly(reference);

function referenceOf(
  value: unknown,
  name: string,
  where: string,
  fits: (reference: DockerReference) => boolean = () => true,
): string {
  const text = textOf(objectOf(value, where, ['type', name])[name], `${where}.${name}`);
  const parsed = parseDockerReference(text);
  if (parsed && fits(parsed)) return text;
  throw refuse(`${where}.${name} must be like host/name${name === 'dockerReference' ? ' with a tag or digest' : ''}`);
}

function prefixOf(members: Members, name: string, where: string): string {
  const text = textOf(members[name], `${where}.${name}`);
  const slash = text.indexOf('/');
  const isName = slash > 0 && isRegistryHost(text.slice(0, slash)) && isRepositoryName(text.slice(slash + 1));
  if (isName || isRegistryHost(text)) return text;
  throw refuse(`${where}.${name} must be a host or host/name`);
}

/** The one file that must be there, as `<name>Path` or `<name>Data`. */
function fileOf(members: Members, name: string, where: string): PolicyFile {
  const found = filesOf(members, name, where, ['Path', 'Data']);
  if (!found) throw refuse(`${where} needs ${name}Path or ${name}Data`);
  return found[0]!;
}

/** Files under one of the members `<name>Path`, `…Paths`, `…Data`, `…Datas`; undefined when none of them is there. */
function filesOf(
  members: Members,
  name: string,
  where: string,
  forms: readonly (typeof LISTS)[number][],
): readonly PolicyFile[] | undefined {
  const [form, more] = forms.filter((each) => members[name + each] !== undefined);
  if (!form) return undefined;
  if (more) throw refuse(`${where} must not have both ${name}${form} and ${name}${more}`);
  const [value, place] = [members[name + form], `${where}.${name}${form}`];
  const read = form.startsWith('Path') ? pathOf : dataOf;
  if (!form.endsWith('s')) return [read(value, place)];
  if (!Array.isArray(value) || value.length === 0) throw refuse(`${place} must be a list of at least one`);
  return value.map((item, index) => read(item, `${place}[${index}]`));
}

function pathOf(value: unknown, where: string): PolicyFile {
  return { path: textOf(value, where) };
}

function dataOf(value: unknown, where: string): PolicyFile {
  const text = textOf(value, where).replace(/[\r\n]/g, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== text)
    throw refuse(`${where} must be base64 of the key or certificate file`);
  return { data: bytes };
}

function textOf(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw refuse(`${where} must be a text that is not empty`);
  return value;
}

function objectOf(value: unknown, where: string, known?: readonly string[]): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(`${where} must be an object`);
  const unknown = known && Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw refuse(`${where} has the unknown member "${unknown}"`);
  return value as Members;
}

const refuse = (message: string) => invalid(`the policy is not valid: ${message}`, 'containers_policy');
