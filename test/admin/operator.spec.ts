import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PasswordHasher } from '#access/password-hashing.js';
import { UserAccount } from '#access/user.entity.js';
import { createRepository } from '#content/versions/create-repository.js';
import { rowsOf } from '#platform/database.js';
import { COMMANDS } from '../../apps/admin/commands.js';
import type { Finding } from '../../apps/admin/doctor.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { gpgScript, SigningGround } from '../signing/ground.js';
import { hallmark } from './run.js';

const ground = new SigningGround();
let database: TestDatabase;
let key: string;
let script: string;

beforeAll(async () => {
  database = await createTestDatabase();
  key = ground.home.newKey('signer@example.com', 'ed25519');
  script = ground.script('sign.sh', gpgScript());
});
afterAll(async () => {
  await database.drop();
  ground.close();
});

const run = (...argv: string[]) =>
  hallmark(
    { DATABASE_URL: database.url, HALLMARK_DATA_DIR: ground.path('data'), GNUPGHOME: ground.home.path },
    ...argv,
  );

describe('words', () => {
  it.each(Object.keys(COMMANDS))('%s explains itself with --help', async (name) => {
    const { code, out } = await run(name, '--help');
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^usage: hallmark ${name}`));
    expect(out).toContain('--help');
  });

  it('the command alone, an unknown one, and wrong words end with 2 and the way to help', async () => {
    expect(await run()).toMatchObject({ code: 2, out: expect.stringContaining('add-signing-service') });
    expect((await run('--help')).code).toBe(0);
    expect(await run('help', 'sign')).toMatchObject({ code: 0, out: expect.stringMatching(/^usage: hallmark sign /) });
    expect(await run('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^hallmark \d+\.\d+\.\d+$/) });
    expect((await run('sign', 'a', '--servic', 'b')).notes).toMatch(/^hallmark: There is no option '--servic'\.\n/);
    expect((await run('sign', 'a', '--service')).notes).toMatch(/^hallmark: --service <value> is missing\.\n/);
    expect((await run('tasks', 'paint')).notes).toMatch(/^hallmark: 'paint' is not show, follow, cancel or list\.\n/);
    expect((await run('import', 'a', ground.path('.'))).notes).toContain(
      'is no file; an archive of a layout is wanted.',
    );
    expect(await run('toString')).toMatchObject({ code: 2, notes: expect.stringContaining("no command 'toString'") });
    expect(await run('config', '--colour')).toMatchObject({ code: 2, notes: expect.stringContaining('config --help') });
    expect(await run('config', 'more')).toMatchObject({ code: 2, notes: expect.stringContaining('one word too many') });
    expect((await run('add-signing-service', 'a')).code).toBe(2);
    expect((await run('add-signing-service', 'a', '/b', 'c', '--home', '/x', '--gnupghome', '/y')).notes).toContain(
      'mutually exclusive',
    );
  });
});

describe('signing services', () => {
  it('are added, listed, checked and removed', async () => {
    const added = await run('add-signing-service', 'first', script, key.slice(-16));
    expect(added).toEqual({ code: 0, out: `Successfully added signing service first for key ${key}.`, notes: '' });
    const [row] = await rowsOf<object>(database.source, 'select environment, class from signing_service');
    expect(row).toEqual({ environment: { GNUPGHOME: ground.home.path }, class: 'container:ManifestSigningService' });
    expect((await run('list-signing-services')).out).toBe('first');
    expect(JSON.parse((await run('list-signing-services', '--json')).out)).toMatchObject([
      { name: 'first', pubkey_fingerprint: key, script, public_key: expect.stringContaining('PGP PUBLIC KEY') },
    ]);
    expect(await run('check-signing-service', 'first')).toMatchObject({
      code: 0,
      out: expect.stringContaining('signs as it should'),
    });

    const repositoryId = await database.source.transaction(async (tx) => {
      const [{ id }] = (await rowsOf<{ id: string }>(tx, 'select id from signing_service')) as [{ id: string }];
      return createRepository(tx, { type: 'container', name: 'r', signingServiceId: id });
    });
    expect((await run('remove-signing-service', 'first')).out).toBe(
      "Signing service 'first' has been successfully removed.",
    );
    const [repository] = await rowsOf<object>(
      database.source,
      'select signing_service_id as service from repository where id = $1',
      [repositoryId],
    );
    expect(repository).toEqual({ service: null });
    for (const command of ['remove-signing-service', 'check-signing-service'])
      expect(await run(command, 'first')).toMatchObject({
        code: 1,
        notes: expect.stringContaining("Signing service 'first' does not exist."),
      });
  });

  it('are added as Pulp spells it, and with variables of their own', async () => {
    const words = ['--class', 'container:ManifestSigningService', '--home', ground.home.path, '--backend', 'gpg'];
    expect((await run('add-signing-service', 'second', script, key, ...words, '--env', 'A=b=c')).code).toBe(0);
    const [row] = await rowsOf<object>(
      database.source,
      `select environment from signing_service where name = 'second'`,
    );
    expect(row).toEqual({ environment: { A: 'b=c', GNUPGHOME: ground.home.path } });
    const again = await run('add-signing-service', 'second', script, key);
    expect(again).toMatchObject({ code: 1, notes: expect.stringContaining('exists already') });
  });

  it('are refused with the failed step and the words of the script', async () => {
    const bad = ground.script('bad.sh', 'echo "no token inserted" >&2; exit 4');
    expect(await run('add-signing-service', 'bad', bad, key)).toMatchObject({
      code: 1,
      notes: 'hallmark: The script ended with 4. It wrote to stderr: no token inserted (script)',
    });
    expect((await run('list-signing-services')).out.split('\n')).not.toContain('bad');
  });

  it('are built in with a private key, whose passphrase comes from a file', async () => {
    ground.home.gpg([
      '--passphrase',
      'open sesame',
      '--quick-gen-key',
      'inside@example.com',
      'ed25519',
      'sign',
      'never',
    ]);
    const armored = ground.home.gpg([
      '--passphrase',
      'open sesame',
      '--armor',
      '--export-secret-keys',
      'inside@example.com',
    ]);
    const words = ['--builtin', '--private-key', ground.write('inside.asc', armored)];
    expect(await run('add-signing-service', 'inside', ...words)).toMatchObject({ code: 1 });
    const passphrase = ground.write('inside.txt', 'open sesame\n');
    expect((await run('add-signing-service', 'inside', ...words, '--passphrase-file', passphrase)).out).toMatch(
      /^Successfully added signing service inside for key [0-9A-F]{40}\.$/,
    );
    expect((await run('add-signing-service', 'x', '/script', 'key', '--builtin')).code).toBe(2);
    expect((await run('add-signing-service', 'x', '--builtin')).notes).toContain('--builtin needs --private-key FILE.');
  });
});

describe('the rest of the operator', () => {
  it('resets the password of admin, makes the account when it is missing, and shows a made-up one', async () => {
    const { out } = await run('reset-admin-password');
    const password = /^New password of admin: (\S+)$/.exec(out)![1]!;
    const user = await database.source.manager.findOneByOrFail(UserAccount, { username: 'admin' });
    expect(await new PasswordHasher().verify(user.passwordHash!, password)).toBe(true);
    expect((await run('reset-admin-password', '--password', 'a better one')).out).toBe('The password of admin is set.');
    expect((await run('reset-admin-password', '--user', 'nobody')).notes).toContain('There is no user named nobody.');
  });

  it('shows all settings, masked, with their origin', async () => {
    const { out } = await run('config');
    expect(out).toMatch(/^DATABASE_URL +\*{8} +environment$/m);
    expect(out).toMatch(/^HALLMARK_PUBLIC_URL +http:\/\/127\.0\.0\.1:24817 +default$/m);
    expect(JSON.parse((await run('config', '--json')).out)).toContainEqual(
      expect.objectContaining({ variable: 'HALLMARK_WORKERS', value: '2', origin: 'default' }),
    );
    const wrong = await hallmark({ HALLMARK_PORT: 'x', HALLMARK_WORKERS: '-1' }, 'config');
    expect(wrong.code).toBe(1);
    expect(wrong.notes).toMatch(/HALLMARK_PORT[\s\S]*HALLMARK_WORKERS/);
  });

  it('looks at everything, and says what to do about what is wrong', async () => {
    const nowhere = await hallmark(
      { HALLMARK_DATA_DIR: '/proc/hallmark', DATABASE_URL: database.url },
      'doctor',
      '--json',
    );
    const state = (name: string) => (JSON.parse(nowhere.out) as Finding[]).find((each) => each.name === name)?.state;
    expect([nowhere.code, state('storage')]).toEqual([1, 'failure']);
    const good = await run('doctor');
    expect(good.code).toBe(0);
    for (const name of ['database', 'migrations', 'pooler', 'queue', 'storage', 'gpg'])
      expect(good.out).toContain(`✓ ${name}`);
    expect(good.out).toContain('! workers');
    const bad = await hallmark(
      {
        DATABASE_URL: 'postgres://x@127.0.0.1:1/x',
        HALLMARK_DATA_DIR: `${ground.write('a-file', '')}/data`,
        PATH: '/nowhere',
      },
      'doctor',
      '--json',
    );
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.out)).toMatchObject([
      { name: 'database', state: 'failure', fix: expect.stringContaining('DATABASE_URL') },
      { name: 'storage', state: 'failure', fix: expect.stringContaining('HALLMARK_DATA_DIR') },
      { name: 'gpg', state: 'warning', fix: 'apt-get install gnupg' },
      { name: 'skopeo' },
      { name: 'cosign' },
      { name: 'notation' },
    ]);
  });

  it('takes the version of Go for the version of no tool', async () => {
    ground.script('tools/cosign', "#!/bin/sh\nprintf 'GitVersion:    devel\\nGoVersion:     go1.26.8\\n'\n");
    ground.script('tools/notation', "#!/bin/sh\nprintf 'Version: 1.3.2\\nGo version: go1.24.4\\n'\n");
    const { out } = await hallmark(
      { DATABASE_URL: database.url, PATH: `${ground.path('tools')}:/bin` },
      'doctor',
      '--json',
    );
    const detail = (name: string) => (JSON.parse(out) as Finding[]).find((each) => each.name === name)?.detail;
    expect([detail('cosign'), detail('notation')]).toEqual(['is installed', '1.3.2']);
  });

  it('says so when the database is out of reach', async () => {
    for (const command of ['list-signing-services', 'migrate']) {
      const lost = await hallmark({ DATABASE_URL: 'postgres://x@127.0.0.1:1/x' }, command);
      expect(lost).toMatchObject({ code: 1, notes: expect.stringContaining('The database cannot be reached') });
    }
  });

  it('refuses an address that is none before anything is asked', async () => {
    const { code, notes } = await hallmark({ DATABASE_URL: 'database.example.com', REDIS_URL: 'redis' }, 'migrate');
    expect(code).toBe(1);
    expect(notes).toContain('DATABASE_URL: must begin with postgres:// or postgresql:// (it is hidden)');
    expect(notes).toContain('REDIS_URL: must begin with redis:// or rediss:// (it is hidden)');
  });
});
