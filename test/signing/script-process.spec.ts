import { existsSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { removeStaleFolders, runScript, type ScriptCall } from '#signing/services/run-script.js';
import { readLimited } from '#signing/services/script-answer.js';
import { ANSWER, SigningGround } from './ground.js';

const ground = new SigningGround();
afterAll(() => ground.close());

function run(body: string, change: Partial<ScriptCall> = {}): Promise<Uint8Array> {
  return runScript(ground.settings.workDir, {
    script: ground.script('script.sh', body),
    manifest: Buffer.from('{"a": 1}'),
    environment: { REFERENCE: 'host/name:tag' },
    timeoutSeconds: 10,
    read: readLimited,
    ...change,
  });
}

/** Pids that a script wrote down, once all are there. */
async function pids(count: number): Promise<number[]> {
  for (const end = Date.now() + 10_000; ;) {
    const found = existsSync(ground.path('pids')) ? readFileSync(ground.path('pids'), 'utf8').trim().split('\n') : [];
    if (found.length >= count && found[0] !== '') return found.map(Number);
    if (Date.now() > end) throw new Error(`only ${found.length} processes started`);
    await sleep(10);
  }
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function expectEnded(all: readonly number[]): Promise<void> {
  for (const end = Date.now() + 1500; all.some(isRunning) && Date.now() < end;) await sleep(10);
  expect(all.filter(isRunning)).toEqual([]);
}

/** Starts a child, a grandchild, and one in a session of its own, and notes their pids. */
const FAMILY = `P=${ground.path('pids')}; : >$P
sleep 300 & echo $! >>$P
(sleep 301 & echo $! >>$P; wait) &
setsid bash -c "echo \\$\\$ >>$P; exec sleep 302" &
`;

it('a script gets the manifest, its variables, a private folder as working folder, and nothing else', async () => {
  process.env['HALLMARK_SECRET_OF_WORKER'] = 'secret';
  const bytes = await run(`{ env | sort; pwd; stat -c %a .; cat "$1"; } >"$SIG_PATH"\n${ANSWER}`);
  delete process.env['HALLMARK_SECRET_OF_WORKER'];
  const text = Buffer.from(bytes).toString();
  expect(text).toContain('REFERENCE=host/name:tag');
  expect(text).toMatch(new RegExp(`${ground.settings.workDir}/[0-9a-f-]+\n700\n{"a": 1}$`));
  const names = [...text.matchAll(/^([A-Za-z_]+)=/gm)].map((match) => match[1]!);
  const allowed = ['PATH', 'HOME', 'LANG', 'GNUPGHOME', 'REFERENCE', 'SIG_PATH', 'PWD', 'SHLVL', '_', 'OLDPWD'];
  expect(names.filter((name) => !allowed.includes(name))).toEqual([]);
});

it('a script makes its own folders private, and not the one that they are in', async () => {
  const workDir = ground.path('fresh/data/work');
  const bytes = await runScript(workDir, {
    script: ground.script('modes.sh', `stat -c %a . .. ../.. >"$SIG_PATH"\n${ANSWER}`),
    manifest: Buffer.from('{}'),
    environment: {},
    timeoutSeconds: 10,
    read: readLimited,
  });
  const open = (0o777 & ~process.umask()).toString(8);
  expect(Buffer.from(bytes).toString().trim().split('\n')).toEqual(['700', '700', open]);
});

it('a relative answer is taken from the working folder', async () => {
  const bytes = await run(`echo -n here >mine; echo '{"signature_path": "mine"}'`);
  expect(Buffer.from(bytes).toString()).toBe('here');
});

it('what a script leaves behind is removed, also folders that it made unreadable', async () => {
  await run(`mkdir -p a/b; echo -n x >a/b/c; chmod 000 a/b; echo -n sig >"$SIG_PATH"; ${ANSWER}`).catch(
    () => undefined,
  );
  expect(ground.leftovers).toEqual([]);
});

it('cancelling ends a script with its children at once, and those in sessions of their own', async () => {
  const controller = new AbortController();
  const running = run(`${FAMILY}wait`, { signal: controller.signal });
  const all = await pids(3);
  const started = Date.now();
  controller.abort(new Error('cancelled by somebody'));
  await expect(running).rejects.toThrow('cancelled by somebody');
  expect(Date.now() - started).toBeLessThan(1500);
  await expectEnded(all);
});

it('the time limit ends children too', async () => {
  const running = run(`${FAMILY}wait`, { timeoutSeconds: 1 });
  const refused = expect(running).rejects.toThrow('did not end within 1 seconds');
  const all = await pids(3);
  await refused;
  await expectEnded(all);
});

it('children that outlive a good script are ended with it and do not hold it up', async () => {
  const started = Date.now();
  await run(`P=${ground.path('pids')}; : >$P; sleep 300 & echo $! >>$P; echo -n x >"$SIG_PATH"; ${ANSWER}`);
  expect(Date.now() - started).toBeLessThan(3000);
  await expectEnded(await pids(1));
});

it.each([
  ['that left for a session of its own', 'setsid'],
  ['that forgot its variables too', 'env -i setsid'],
])('a child %s, and holds none of the outputs, is ended with a good script', async (_, leave) => {
  const child = `${leave} bash -c 'echo $$ >>${ground.path('pids')}; exec sleep 303' >/dev/null 2>&1 &`;
  const wait = `until [ -s ${ground.path('pids')} ]; do sleep 0.05; done`;
  const bytes = await run(`: >${ground.path('pids')}; ${child} ${wait}; echo -n x >"$SIG_PATH"; ${ANSWER}`);
  expect(Buffer.from(bytes).toString()).toBe('x');
  await expectEnded(await pids(1));
});

it('a script that multiplies is ended with all that it became', async () => {
  const P = ground.path('pids');
  const many = `: >${P}; for i in $(seq 60); do (echo $BASHPID >>${P}; exec sleep 300) & done; wait`;
  const running = run(many, { timeoutSeconds: 2 });
  const refused = expect(running).rejects.toThrow('did not end');
  const all = await pids(60);
  await refused;
  await expectEnded(all);
});

it('a cancelled call does not start the script', async () => {
  await expect(
    run(`touch ${ground.path('ran')}`, { signal: AbortSignal.abort(new Error('too late')) }),
  ).rejects.toThrow('too late');
  expect(existsSync(ground.path('ran'))).toBe(false);
});

it('folders of runs whose worker died are removed when they are old', async () => {
  const old = ground.write('work/old/manifest', 'x');
  const young = ground.write('work/young/manifest', 'x');
  const past = new Date(Date.now() - 3 * 3600_000);
  utimesSync(ground.path('work/old'), past, past);
  await removeStaleFolders(ground.settings.workDir, 60);
  expect(existsSync(old)).toBe(false);
  expect(statSync(young).isFile()).toBe(true);
});
