import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parseStrictJson } from '#oci/strict-json.js';
import { type Command, type Terminal, UsageError, type Words } from './command.js';
import { CLIENT_OPTIONS, type Json, RestClient } from './rest-client.js';

const TEXTS = {
  'openpgp-key': 'openpgp_keys',
  'cosign-key': 'cosign_keys',
  certificate: 'certificates',
  'tsa-certificate': 'tsa_certificates',
  crl: 'crls',
} as const;
const DOCUMENTS = {
  'containers-policy': 'containers_policy',
  'trust-policy': 'notation_trust_policy',
  'trusted-root': 'trusted_root',
} as const;

/** Verifies what a reference means on the server. */
export const verify: Command = {
  usage: 'REFERENCE [options]',
  about: 'Judges every signature of host/name:tag or host/name@digest. Exit code 0 only when one is verified.',
  positionals: [1, 1],
  options: {
    'openpgp-key': { value: 'FILE', multiple: true, doc: 'OpenPGP public key to trust; may be repeated.' },
    'cosign-key': { value: 'FILE', multiple: true, doc: 'PEM public key to trust; may be repeated.' },
    certificate: { value: 'FILE', multiple: true, doc: 'PEM certificates to trust; may be repeated.' },
    'tsa-certificate': { value: 'FILE', multiple: true, doc: 'PEM certificates of timestamp authorities.' },
    crl: { value: 'FILE', multiple: true, doc: 'Revocation list.' },
    'containers-policy': {
      value: 'FILE',
      doc: 'policy.json of podman and skopeo; files that it names are sent along.',
    },
    'trust-policy': { value: 'FILE', doc: "notation's trustpolicy.oci.json or trustpolicy.json." },
    'trusted-root': { value: 'FILE', doc: "sigstore's trusted_root.json." },
    trust: { value: 'FILE', doc: 'All of it as one JSON document, in the form of the REST call.' },
    scope: { value: 'SCOPE', doc: 'Registry scope that picks the statement of --trust-policy.' },
    ...CLIENT_OPTIONS,
  },
  async run(words, terminal) {
    const client = RestClient.of(words, terminal);
    const trust = await readTrustFiles(words);
    const report = await client.call('POST', 'verify/', { reference: words.positionals[0]!, trust });
    if (words.flag('json')) terminal.out(JSON.stringify(report, undefined, 2));
    else tellReport(report, terminal);
    return report['verified'] === true ? 0 : 1;
  },
};

async function readTrustFiles(words: Words): Promise<Json> {
  const whole = words.text('trust');
  const trust: Json = whole === undefined ? {} : await readJson(whole);
  for (const [option, member] of Object.entries(TEXTS))
    for (const path of words.texts(option))
      trust[member] = [...((trust[member] as string[]) ?? []), await readText(path)];
  for (const [option, member] of Object.entries(DOCUMENTS)) {
    const path = words.text(option);
    if (path !== undefined) trust[member] = await readJson(path);
  }
  const files = await filesOf(trust['containers_policy']);
  if (Object.keys(files).length > 0) trust['policy_files'] = { ...files, ...(trust['policy_files'] as object) };
  const scope = words.text('scope');
  if (scope !== undefined) trust['scope'] = scope;
  if (Object.keys(trust).length === 0)
    throw new UsageError('Say what to trust: a key, a certificate or a policy, such as --openpgp-key FILE.');
  return trust;
}

/** The key and certificate files that a containers policy names, as far as they are on this machine. */
async function filesOf(policy: unknown): Promise<Record<string, string>> {
  const paths = new Set<string>();
  JSON.stringify(policy ?? null, (name, value: unknown) => {
    if (/Paths?$/.test(name)) for (const path of [value].flat()) if (typeof path === 'string') paths.add(path);
    return value;
  });
  const present = [...paths].filter((path) => existsSync(path));
  return Object.fromEntries(await Promise.all(present.map(async (path) => [path, await readText(path)] as const)));
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UsageError(`The file '${path}' cannot be read: ${error.message}`);
  });
  // A binary OpenPGP key travels as base64.
  return bytes.includes('-----BEGIN') ? bytes.toString('utf8') : bytes.toString('base64');
}

async function readJson(path: string): Promise<Json> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new UsageError(`The file '${path}' cannot be read: ${error.message}`);
  });
  try {
    return parseStrictJson(text) as Json;
  } catch (error) {
    throw new UsageError(`The file '${path}' is not JSON: ${(error as Error).message}`);
  }
}

function tellReport(report: Json, terminal: Terminal): void {
  const signatures = (report['signatures'] as Json[] | undefined) ?? [];
  if (signatures.length === 0) terminal.out('There is no signature.');
  for (const { format, outcome, checks } of signatures) {
    const failed = (checks as Json[]).filter(({ result, action }) => result === 'fail' && action === 'enforce');
    terminal.out(`${outcome === 'verified' ? '✓' : '✗'} ${String(format)}: ${String(outcome)}`);
    for (const { name, code, detail } of failed)
      terminal.out(`    ${String(name)} ${String(code)}: ${String(detail ?? '')}`);
  }
  terminal.out(report['verified'] === true ? 'Verified.' : 'Not verified.');
}
