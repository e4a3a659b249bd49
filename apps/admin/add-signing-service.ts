import { isAbsolute, join, resolve } from 'node:path';
import { addBuiltinService, addScriptService, SERVICE_CLASSES } from '#signing/services/add-service.js';
import type { BuiltinKeySource } from '#signing/formats/signature-format.js';
import type { HallmarkConfig } from '#platform/config.js';
import { newCorrelationId } from '#platform/identifiers.js';
import type { SignerSettings } from '#signing/services/signer.js';
import { type Command, type Terminal, UsageError, type Words } from './command.js';
import { withDatabase } from './with-database.js';

/** How scripts run for the operator's command. */
export function signerSettings(config: HallmarkConfig): SignerSettings {
  return {
    workDir: join(config.dataDir, 'work'),
    scriptTimeout: config.scriptTimeout,
    correlationId: newCorrelationId(),
  };
}

/** Registers a service that has signed a test manifest rightly. */
export const addSigningService: Command = {
  usage: 'NAME SCRIPT KEY [options]   or   NAME --builtin --private-key FILE [options]',
  about: [
    'SCRIPT is the absolute path of an executable that signs the manifest in its first argument; KEY is the OpenPGP key id',
    'or fingerprint, or for cosign the file of the PEM public key, or for notation the PEM certificate that signatures must',
    'chain to. The script signs a test manifest first: nothing is saved unless the signature verifies.',
  ].join('\n'),
  positionals: [1, 3],
  options: {
    class: { value: 'CLASS', doc: `${SERVICE_CLASSES.join(', ')}; default: the first.` },
    gnupghome: {
      value: 'DIR',
      alias: 'home',
      doc: 'Folder of the key ring, also for the script; default: $GNUPGHOME.',
    },
    keyring: { value: 'FILE', doc: 'Another key ring that gpg shall look into for KEY.' },
    env: { value: 'NAME=VALUE', multiple: true, doc: 'A variable for the script, stored as it is; may be repeated.' },
    backend: { value: 'gpg', doc: 'The tool that exports the public key; only gpg.' },
    builtin: { doc: 'Sign inside the worker, without a script.' },
    'private-key': { value: 'FILE', doc: 'With --builtin: OpenPGP or PEM private key.' },
    'passphrase-file': { value: 'FILE', doc: 'With --builtin: file whose first line unlocks the private key.' },
    certificates: { value: 'FILE', doc: 'With --builtin for notation: PEM chain, leaf first.' },
    shape: { value: 'SHAPE', doc: 'With --builtin: tag or bundle for cosign, jws or cose for notation.' },
  },
  async run(words, terminal) {
    const className = words.text('class') ?? SERVICE_CLASSES[0]!;
    const service = words.flag('builtin') ? readBuiltin(words, className) : readScript(words, className, terminal);
    const added = await withDatabase(terminal, ({ config, source }) =>
      'script' in service
        ? addScriptService(source, service, signerSettings(config))
        : addBuiltinService(source, service, signerSettings(config)),
    );
    terminal.out(`Successfully added signing service ${added.name} for key ${added.pubkeyFingerprint}.`);
    return 0;
  },
};

function readScript(words: Words, className: string, terminal: Terminal) {
  const [name, script, key] = words.positionals;
  if (script === undefined || key === undefined)
    throw new UsageError('NAME, SCRIPT and KEY are needed, or NAME and --builtin with --private-key.');
  for (const option of ['private-key', 'passphrase-file', 'certificates', 'shape'])
    if (words.text(option) !== undefined) throw new UsageError(`--${option} goes with --builtin only.`);
  const backend = words.text('backend') ?? 'gpg';
  if (backend !== 'gpg') throw new UsageError(`--backend ${backend} is not known; public keys are exported with gpg.`);
  const isOpenpgp = className === SERVICE_CLASSES[0];
  const gnupgHome = words.text('gnupghome') ?? terminal.environment['GNUPGHOME'];
  const keyring = words.text('keyring');
  return {
    name: name!,
    script,
    class: className,
    key: isOpenpgp ? key : resolve(key),
    ...(gnupgHome ? { gnupgHome: resolve(gnupgHome) } : {}),
    ...(keyring === undefined ? {} : { keyring: resolve(keyring) }),
    environment: Object.fromEntries(words.texts('env').map(readVariable)),
  };
}

function readVariable(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`--env takes NAME=VALUE; '${text}' is not of that form.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

const SHAPES: readonly string[] = ['tag', 'bundle', 'jws', 'cose'];

function readBuiltin(words: Words, className: string) {
  const [name, extra] = words.positionals;
  if (words.texts('env').length > 0) throw new UsageError('--env goes with a script only.');
  if (extra !== undefined) throw new UsageError('With --builtin there is no SCRIPT and no KEY.');
  for (const option of ['gnupghome', 'keyring', 'backend'])
    if (words.text(option) !== undefined) throw new UsageError(`--${option} goes with a script only.`);
  const privateKey = words.text('private-key');
  if (privateKey === undefined) throw new UsageError('--builtin needs --private-key FILE.');
  const shape = words.text('shape');
  if (shape !== undefined && !SHAPES.includes(shape)) throw new UsageError(`--shape is one of ${SHAPES.join(', ')}.`);
  const file = (option: string) => {
    const path = words.text(option);
    return path === undefined || isAbsolute(path) ? path : resolve(path);
  };
  const passphraseFile = file('passphrase-file');
  const certificatesFile = file('certificates');
  return {
    name: name!,
    class: className,
    privateKeyFile: resolve(privateKey),
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
    ...(certificatesFile === undefined ? {} : { certificatesFile }),
    ...(shape === undefined ? {} : { shape: shape as NonNullable<BuiltinKeySource['shape']> }),
  };
}
