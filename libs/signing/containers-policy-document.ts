import { invalid } from '#platform/domain-error.js';
import type {
  ContainersPolicy,
  PolicyRequirement,
  SignedByRequirement,
  SignedIdentity,
  SigstoreSignedRequirement,
} from './containers-policy.js';
import { isNameOnly, isRegistryHost, parseCanonicalReference, parseDockerReference } from './docker-reference.js';

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
    transports.set(
      transport,
      new Map(entries.map(([scope, list]) => [scope, requirementsOf(list, `${where}."${scope}"`)])),
    );
  }
  return { default: requirementsOf(members['default'], 'default'), transports };
}

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

function signedByOf(value: unknown, where: string): SignedByRequirement {
  const members = objectOf(value, where, ['type', 'keyType', 'keyData', 'signedIdentity'], ['keyPath', 'keyPaths']);
  if (members['keyType'] !== 'GPGKeys') throw refuse(`${where}.keyType must be "GPGKeys"`);
  return {
    type: 'signedBy',
    keyType: 'GPGKeys',
    keyData: dataOf(members['keyData'], `${where}.keyData`),
    ...signedIdentity(members, where),
  };
}

const SIGSTORE_MEMBERS = [
  'type',
  'keyData',
  'keyDatas',
  'fulcio',
  'pki',
  'rekorPublicKeyData',
  'rekorPublicKeyDatas',
  'signedIdentity',
];
const SIGSTORE_PATHS = ['keyPath', 'keyPaths', 'rekorPublicKeyPath', 'rekorPublicKeyPaths'];

function sigstoreSignedOf(value: unknown, where: string): SigstoreSignedRequirement {
  const members = objectOf(value, where, SIGSTORE_MEMBERS, SIGSTORE_PATHS);
  const sources = ['keyData', 'keyDatas', 'fulcio', 'pki'].filter((name) => members[name] !== undefined);
  if (sources.length !== 1) throw refuse(`${where} needs exactly one of keyData, keyDatas, fulcio and pki`);
  const keyDatas = datasOf(members, 'keyData', where);
  const rekorPublicKeyDatas = datasOf(members, 'rekorPublicKeyData', where);
  if (sources[0] === 'fulcio' && !rekorPublicKeyDatas)
    throw refuse(`${where} with fulcio needs rekorPublicKeyData or rekorPublicKeyDatas`);
  if (sources[0] === 'pki' && rekorPublicKeyDatas) throw refuse(`${where} with pki must not name a Rekor key`);
  return {
    type: 'sigstoreSigned',
    ...(keyDatas && { keyDatas }),
    ...(members['fulcio'] !== undefined && { fulcio: fulcioOf(members['fulcio'], `${where}.fulcio`) }),
    ...(members['pki'] !== undefined && { pki: pkiOf(members['pki'], `${where}.pki`) }),
    ...(rekorPublicKeyDatas && { rekorPublicKeyDatas }),
    ...signedIdentity(members, where),
  };
}

function fulcioOf(value: unknown, where: string): NonNullable<SigstoreSignedRequirement['fulcio']> {
  const members = objectOf(value, where, ['caData', 'oidcIssuer', 'subjectEmail'], ['caPath']);
  return {
    caData: dataOf(members['caData'], `${where}.caData`),
    oidcIssuer: textOf(members['oidcIssuer'], `${where}.oidcIssuer`),
    subjectEmail: textOf(members['subjectEmail'], `${where}.subjectEmail`),
  };
}

function pkiOf(value: unknown, where: string): NonNullable<SigstoreSignedRequirement['pki']> {
  const known = ['caRootsData', 'caIntermediatesData', 'subjectHostname', 'subjectEmail'];
  const members = objectOf(value, where, known, ['caRootsPath', 'caIntermediatesPath']);
  const { caIntermediatesData: between, subjectHostname: host, subjectEmail: email } = members;
  if (host === undefined && email === undefined) throw refuse(`${where} needs subjectHostname or subjectEmail`);
  return {
    caRootsData: dataOf(members['caRootsData'], `${where}.caRootsData`),
    ...(between !== undefined && { caIntermediatesData: dataOf(between, `${where}.caIntermediatesData`) }),
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
      return { type, dockerReference: referenceOf(value, 'dockerReference', where, false) };
    case 'exactRepository':
      return { type, dockerRepository: referenceOf(value, 'dockerRepository', where, true) };
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

function referenceOf(value: unknown, name: string, where: string, nameOnly: boolean): string {
  const text = textOf(objectOf(value, where, ['type', name])[name], `${where}.${name}`);
  const parsed = parseDockerReference(text);
  if (parsed && isNameOnly(parsed) === nameOnly) return text;
  throw refuse(`${where}.${name} must be host/name ${nameOnly ? 'without tag and digest' : 'with a tag or digest'}`);
}

function prefixOf(members: Members, name: string, where: string): string {
  const text = textOf(members[name], `${where}.${name}`);
  const parsed = parseCanonicalReference(text);
  if (isRegistryHost(text) || (parsed && isNameOnly(parsed))) return text;
  throw refuse(`${where}.${name} must be a host or host/name, written out in full`);
}

function datasOf(members: Members, name: string, where: string): readonly Uint8Array[] | undefined {
  const [one, many] = [members[name], members[`${name}s`]];
  if (one !== undefined && many !== undefined) throw refuse(`${where} must not have both ${name} and ${name}s`);
  if (one !== undefined) return [dataOf(one, `${where}.${name}`)];
  if (many === undefined) return undefined;
  if (!Array.isArray(many) || many.length === 0) throw refuse(`${where}.${name}s must be a list of at least one`);
  return many.map((item, index) => dataOf(item, `${where}.${name}s[${index}]`));
}

function dataOf(value: unknown, where: string): Uint8Array {
  const text = textOf(value, where).replace(/[\r\n]/g, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== text)
    throw refuse(`${where} must be base64 of the key or certificate file`);
  return bytes;
}

function textOf(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw refuse(`${where} must be a text that is not empty`);
  return value;
}

function objectOf(value: unknown, where: string, known?: readonly string[], paths: readonly string[] = []): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(`${where} must be an object`);
  for (const name of known ? Object.keys(value) : []) {
    if (paths.includes(name))
      throw refuse(`${where}.${name} is a path on another machine; write the file as base64 into its Data member`);
    if (!known!.includes(name)) throw refuse(`${where} has the unknown member "${name}"`);
  }
  return value as Members;
}

const refuse = (message: string) => invalid(`the policy is not valid: ${message}`, 'containers_policy');
