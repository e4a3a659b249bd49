import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addScriptService, proveService, type ScriptService } from '#signing/services/add-service.js';
import { openSigner, trustOf } from '#signing/services/signer.js';
import { sampleManifest } from '#signing/formats/format-suite.js';
import { simpleFormat } from '#signing/formats/simple/simple-format.js';
import type { SigningServiceEntity } from '#signing/signing-service.entity.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { gpgScript, requireTool, SigningGround } from './ground.js';

const ground = new SigningGround();
const manifest = sampleManifest();
const REFERENCE = 'registry.example.com/team/app:1.0';
let database: TestDatabase;
let key: string;

beforeAll(async () => {
  database = await createTestDatabase();
  key = ground.home.newKey('signer@example.com', 'ed25519');
});
afterEach(() => database.source.query('delete from signing_service'));
afterAll(async () => {
  await database.drop();
  ground.close();
});

function add(change: Partial<ScriptService> & { script: string }): Promise<SigningServiceEntity> {
  const service = { name: 'service', class: 'container:ManifestSigningService', key, gnupgHome: ground.home.path };
  return addScriptService(database.source, { ...service, ...change }, ground.settings);
}

async function signOnce(service: SigningServiceEntity): Promise<Uint8Array> {
  return (await openSigner(service, ground.settings)).sign(manifest, REFERENCE);
}

/** Fingerprints of a key: the primary one, then those of its subkeys. */
function fingerprints(email: string): string[] {
  const listing = ground.home.gpg(['--with-colons', '--fingerprint', '--fingerprint', '--list-keys', email]).toString();
  return [...listing.matchAll(/^fpr:+([0-9A-F]{40}):/gm)].map((match) => match[1]!);
}

describe('the script that calls skopeo, as the documentation of Pulp prints it', () => {
  it.each(['16 digits', '40 digits', '40 digits in small letters', 'mail address'])(
    'takes a key by %s',
    async (how) => {
      const script = ground.sample('simple-skopeo.sh');
      const forms: Record<string, string> = { '16 digits': key.slice(-16), '40 digits': key };
      const given = forms[how] ?? (how === 'mail address' ? 'signer@example.com' : key.toLowerCase());
      const service = await add({ script, key: given });
      expect(service).toMatchObject({ pubkeyFingerprint: key, script, environment: { GNUPGHOME: ground.home.path } });
      expect(service.publicKey).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    },
  );

  it('makes signatures that skopeo accepts for this reference and no other', async (context) => {
    requireTool(context, 'skopeo');
    const signature = await signOnce(await add({ script: ground.sample('simple-skopeo.sh') }));
    expect(ground.home.skopeoVerify(manifest.bytes, REFERENCE, key, signature)).toContain('verified');
    expect(ground.home.skopeoVerify(manifest.bytes, 'example.com/other:1', key, signature)).toBe('refused');
  });

  it('signs with the subkey when the key is named by it: the service bears the fingerprint of the primary key', async (context) => {
    requireTool(context, 'skopeo');
    const primary = ground.home.newKey('sub@example.com', 'ed25519', 'cert');
    ground.home.gpg(['--quick-add-key', primary, 'ed25519', 'sign', 'never']);
    const [, subkey = ''] = fingerprints('sub@example.com');
    for (const id of [subkey, subkey.slice(-16), primary]) {
      const service = await add({ name: id, script: ground.sample('simple-skopeo.sh'), key: id });
      expect(service.pubkeyFingerprint).toBe(primary);
      const signature = await signOnce(service);
      expect(await simpleFormat.parse(signature)).toMatchObject({ keyId: subkey.slice(-16) });
      // skopeo 1.9 names the key that really signed, newer ones the primary one.
      const verdicts = [subkey, primary].map((print) =>
        ground.home.skopeoVerify(manifest.bytes, REFERENCE, print, signature),
      );
      expect(verdicts.some((verdict) => verdict.includes('verified'))).toBe(true);
    }
  });

  it.each(['rsa3072', 'nistp256', 'nistp384'])('works with a key of %s', async (algorithm) => {
    const other = ground.home.newKey(`${algorithm}@example.com`, algorithm);
    const service = await add({ script: ground.sample('simple-skopeo.sh'), key: other });
    await expect(proveService(service, ground.settings)).resolves.toBeUndefined();
  });
});

it('what a script writes in armor is kept in the binary form that clients read', async () => {
  const script = ground.script('armor.sh', gpgScript().replace('--sign', '--armor --sign'));
  const signature = await signOnce(await add({ script }));
  expect(Buffer.from(signature).includes('-----BEGIN')).toBe(false);
  expect(ground.home.skopeoVerify(manifest.bytes, REFERENCE, key, signature)).toContain('verified');
});

describe('a key with a passphrase', () => {
  let locked: string;
  beforeAll(() => {
    ground.home.gpg([
      '--passphrase',
      'open sesame',
      '--quick-gen-key',
      'locked@example.com',
      'ed25519',
      'sign',
      'never',
    ]);
    [locked = ''] = fingerprints('locked@example.com');
  });

  it.each(['simple-skopeo-passphrase.sh', 'simple-gpg.sh'])(
    'signs through %s with the passphrase beside it',
    async (name) => {
      const script = ground.sample(name, { 'passphrase.txt': 'open sesame' });
      ground.home.run('gpgconf', ['--kill', 'all']);
      await expect(add({ script, key: locked })).resolves.toMatchObject({ pubkeyFingerprint: locked });
    },
  );

  it.each(['simple-skopeo-passphrase.sh', 'simple-gpg.sh'])(
    'is refused by %s with a wrong passphrase',
    async (name) => {
      const script = ground.sample(name, { 'passphrase.txt': 'close sesame' });
      ground.home.run('gpgconf', ['--kill', 'all']);
      await expect(add({ script, key: locked })).rejects.toThrow(/Bad passphrase/);
    },
  );

  it('does not hang when a prompt waits for somebody to type: the time limit says what to do', async () => {
    ground.home.file('gpg-agent.conf', `pinentry-program ${ground.script('pinentry.sh', 'exec sleep 60')}\n`);
    ground.home.run('gpgconf', ['--kill', 'all']);
    const script = ground.sample('simple-skopeo.sh');
    const settings = { ...ground.settings, scriptTimeout: 2 };
    const service = { name: 'x', class: 'container:ManifestSigningService', gnupgHome: ground.home.path };
    const started = Date.now();
    await expect(addScriptService(database.source, { ...service, script, key: locked }, settings)).rejects.toThrow(
      /did not end within 2 seconds; if its key has a passphrase, something may be asking for it/,
    );
    expect(Date.now() - started).toBeLessThan(6000);
    ground.home.file('gpg-agent.conf', '');
    ground.home.run('gpgconf', ['--kill', 'all']);
  });
});

describe('many scripts on one key ring', () => {
  it('12 at once all succeed, starting with no agent, although the key has a passphrase', async () => {
    ground.home.gpg(['--passphrase', 'open sesame', '--quick-gen-key', 'busy@example.com', 'rsa2048', 'sign', 'never']);
    const script = ground.sample('simple-gpg.sh', { 'passphrase.txt': 'open sesame' });
    const service = await add({ script, key: 'busy@example.com' });
    ground.home.run('gpgconf', ['--kill', 'all']);
    const signer = await openSigner(service, ground.settings);
    const signatures = await Promise.all(Array.from({ length: 12 }, () => signer.sign(manifest, REFERENCE)));
    for (const signature of signatures) {
      const context = { manifest, reference: REFERENCE, trust: trustOf(service), now: new Date() };
      expect((await simpleFormat.verify(signature, context)).outcome).toBe('verified');
    }
  });

  it('a script that gpg turned away for want of memory is run again, other failures are not', async () => {
    const count = ground.path('count');
    const flaky = (words: string) =>
      ground.script(
        'flaky.sh',
        `echo x >>${count}\n[ $(wc -l <${count}) -ge 3 ] || { echo "${words}" >&2; exit 2; }\n${gpgScript()}`,
      );
    await add({ script: flaky('gpg: signing failed: Cannot allocate memory') });
    ground.write('count', '');
    await expect(add({ name: 'b', script: flaky('gpg: signing failed: No secret key') })).rejects.toThrow(
      'No secret key',
    );
  });
});
