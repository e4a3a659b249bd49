import { symlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addScriptService, type ScriptService } from '#signing/services/add-service.js';
import { SigningServiceEntity } from '#signing/signing-service.entity.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { ANSWER, gpgScript, SigningGround } from './ground.js';

const ground = new SigningGround();
let database: TestDatabase;
let key: string;
let other: string;

beforeAll(async () => {
  database = await createTestDatabase();
  key = ground.home.newKey('signer@example.com', 'ed25519');
  other = ground.home.newKey('other@example.com', 'ed25519');
});
afterAll(async () => {
  await database.drop();
  ground.close();
});

function add(change: Partial<ScriptService> = {}, timeout = 20) {
  const service: ScriptService = {
    name: 'service',
    class: 'container:ManifestSigningService',
    script: ground.path('script.sh'),
    key,
    gnupgHome: ground.home.path,
    ...change,
  };
  return addScriptService(database.source, service, { ...ground.settings, scriptTimeout: timeout });
}

/** Nothing stays of a refusal: no row, no folder. */
afterEach(async () => {
  expect(await database.source.manager.count(SigningServiceEntity)).toBe(0);
  expect(ground.leftovers).toEqual([]);
});

describe('a script is refused before it runs when', () => {
  it('its path is relative', async () => {
    await expect(add({ script: 'scripts/sign.sh' })).rejects.toThrow(
      "The script must be an absolute path; 'scripts/sign.sh' is relative.",
    );
  });

  it('the script does not exist', async () => {
    await expect(add({ script: '/nowhere/sign.sh' })).rejects.toThrow("The script '/nowhere/sign.sh' does not exist.");
  });

  it('the script is a folder', async () => {
    await expect(add({ script: ground.folder })).rejects.toThrow('is not a file');
  });

  it('the script is not executable', async () => {
    const script = ground.script('plain.sh', gpgScript(), 0o644);
    await expect(add({ script })).rejects.toThrow('is not executable; run chmod +x on it');
  });

  it('the script has no shebang, which a runtime would hand to another shell', async () => {
    const script = ground.write('bare.sh', gpgScript(), 0o755);
    await expect(add({ script })).rejects.toThrow("has no shebang; its first line must be like '#!/usr/bin/env bash'");
  });

  it('the interpreter of its shebang does not exist', async () => {
    const script = ground.script('odd.sh', '#!/nowhere/bash\necho');
    await expect(add({ script })).rejects.toThrow('the interpreter in the first line');
  });
});

describe('a script is refused after it ran when', () => {
  const bodies: readonly [what: string, body: string, says: RegExp | string][] = [
    [
      'it ends with an error',
      'echo "no such key" >&2; exit 3',
      'The script ended with 3. It wrote to stderr: no such key',
    ],
    ['it ends with an error in silence', 'exit 1', 'The script ended with 1. It wrote nothing to stderr.'],
    ['it is ended by a signal', 'kill -TERM $$', 'The script ended with SIGTERM'],
    [
      'it writes no JSON',
      'echo done',
      'did not return valid JSON! Its stdout must be just {"signature_path": "…"}; it is "done\\n"',
    ],
    ['it writes more than the JSON', `echo signing; ${gpgScript()}`, 'did not return valid JSON!'],
    ['it names no path', 'echo "{}"', 'has no "signature_path"'],
    ['it names a path that is not there', ANSWER, 'which does not exist'],
    [
      'it names a file outside of its folder',
      `echo '{"signature_path": "/etc/passwd"}'`,
      'outside of its working folder',
    ],
    [
      'it climbs out of its folder',
      `echo '{"signature_path": "../../../../../../../../etc/passwd"}'`,
      'outside of its working folder',
    ],
    ['it names a link that leads outside', `ln -s /etc/passwd "$SIG_PATH"; ${ANSWER}`, 'outside of its working folder'],
    ['it names a folder', `mkdir "$SIG_PATH"; ${ANSWER}`, 'is not a file'],
    ['it names a pipe', `mkfifo "$SIG_PATH"; ${ANSWER}`, 'is not a file'],
    ['its signature is empty', `: >"$SIG_PATH"; ${ANSWER}`, 'is empty'],
    ['its signature is no signature', `echo hello >"$SIG_PATH"; ${ANSWER}`, 'The signature was refused'],
    ['its signature is too large', `head -c 5000000 /dev/zero >"$SIG_PATH"; ${ANSWER}`, 'larger than 4194304 bytes'],
    ['it writes too much', 'head -c 6000000 /dev/zero; sleep 60', 'wrote more than 4194304 bytes to stdout'],
    ['it complains too much', 'head -c 6000000 /dev/zero >&2; sleep 60', 'wrote more than 4194304 bytes to stderr'],
    ['it signs another digest', gpgScript({ digest: `sha256:${'0'.repeat(64)}` }), /refused at the check 'digest'/],
    [
      'it signs another reference',
      gpgScript({ reference: 'example.com/else:1' }),
      /refused at the check '[a-z-]*(reference|identity)/,
    ],
    ['it signs with another key', gpgScript({ key: 'other@example.com' }), /refused at the check '.*key/],
  ];

  it.each(bodies)('%s', async (_what, body, says) => {
    const script = ground.script('script.sh', body);
    await expect(add({ script })).rejects.toThrow(says);
  });

  it('the script does not end in time', async () => {
    const script = ground.script('script.sh', 'echo waiting >&2; sleep 60');
    await expect(add({ script }, 1)).rejects.toThrow(/did not end within 1 seconds; .*passphrase.* waiting$/);
  });
});

describe('a key is refused when', () => {
  beforeEach(() => void ground.script('script.sh', gpgScript()));

  it('the ring does not have it', async () => {
    await expect(add({ key: '0123456789ABCDEF' })).rejects.toThrow(/No public key/);
  });

  it('its id names more than one', async () => {
    await expect(add({ key: '@example.com' })).rejects.toThrow('There are 2 keys matching the key id.');
  });

  it('the script looks like an option', async () => {
    await expect(add({ key: '--export-secret-keys' })).rejects.toThrow('is not a key id');
  });

  it('the script has expired', async () => {
    const past = ['--faked-system-time', '20200101T000000!'];
    const old = ground.home.newKey('old@elsewhere.org', 'ed25519', 'sign', '1d', past);
    await expect(add({ key: old })).rejects.toThrow(`The key '${old}' has expired.`);
  });
});

describe('a service is refused when', () => {
  it('its class is not of the form app:Model, or not known', async () => {
    await expect(add({ class: 'Manifest' })).rejects.toThrow(
      'The signing service class was not provided in a proper format.',
    );
    await expect(add({ class: 'core:Nothing' })).rejects.toThrow("Class 'core:Nothing' is not one of");
  });

  it('its name is blank', async () => {
    await expect(add({ name: ' ' })).rejects.toThrow('The name must not be blank.');
  });

  it('its variables are those of the contract, or no variables', async () => {
    ground.script('script.sh', gpgScript());
    await expect(add({ environment: { REFERENCE: 'x' } })).rejects.toThrow(
      'The variable REFERENCE is set for each call',
    );
    await expect(add({ environment: { 'A B': 'x' } })).rejects.toThrow("'A B' is not the name of a variable");
  });

  it('the key file of another family cannot be read or is something else', async () => {
    const cosign = { class: 'container:CosignSigningService', script: ground.script('script.sh', 'true') };
    await expect(add({ ...cosign, key: ground.path('none.pub') })).rejects.toThrow('cannot be read');
    await expect(add({ ...cosign, key: ground.write('bad.pub', 'hello') })).rejects.toThrow('holds no PEM public key');
    const notation = { ...cosign, class: 'container:NotationSigningService' };
    await expect(add({ ...notation, key: ground.path('bad.pub') })).rejects.toThrow('holds no PEM certificate');
  });
});

it('a link to a script is as good as the script', async () => {
  symlinkSync(ground.script('real.sh', gpgScript()), ground.path('link.sh'));
  await add({ script: ground.path('link.sh') });
  await database.source.query('delete from signing_service');
});

it('both keys of the ring sign rightly, so that the refusals above are about what they say', async () => {
  ground.script('script.sh', gpgScript());
  await add();
  await add({ name: 'other', key: other });
  await database.source.query('delete from signing_service');
});
