import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderFallback } from '#content/push/fallback-index.js';
import { applyChange } from '#content/versions/apply-change.js';
import { digestOf } from '#oci/digest.js';
import { companionTagOf } from '#oci/reference.js';
import { configureLogging } from '#platform/logger.js';
import { openSigner } from '#signing/services/signer.js';
import { storeSignatures } from '#signing/store/store-signatures.js';
import { signTask } from '#signing/tasks/sign.task.js';
import { Task } from '#tasks/task.entity.js';
import { startTaskProcess } from '../tasks/task-process.js';
import { gpgScript, SigningGround } from './ground.js';
import { Services } from './services.js';
import { recordContext, SignWorld } from './sign-world.js';

const ground = new SigningGround();
let world: SignWorld;
let services: Services;

beforeAll(async () => {
  configureLogging('silent', 'json');
  world = await SignWorld.open();
  services = new Services(world, ground);
});
afterAll(async () => {
  await world.close();
  ground.close();
});

const four = { multi: 3, plain: 'image' } as const;

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Numbers that scripts wrote into a file, once there are so many. */
async function notedPids(file: string, count: number): Promise<number[]> {
  for (const end = Date.now() + 15_000; ;) {
    const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
    const pids = text === '' ? [] : text.split('\n').map(Number);
    if (pids.length >= count) return pids;
    if (Date.now() > end) throw new Error(`only ${pids.length} started`);
    await sleep(10);
  }
}

/** A service whose script hangs with a child while the file `hang` is there. */
async function hangingService(hang: string, pids: string) {
  const body = `[ ! -f ${hang} ] || { echo $$ >>${pids}; sleep 300 & echo $! >>${pids}; wait; }\n${gpgScript()}`;
  const service = await services.script(ground.script(`hang-${Date.now()}.sh`, body));
  ground.write(hang.slice(ground.folder.length + 1), '');
  return service;
}

it('cancelling ends all scripts with their children at once, and nothing is stored', async () => {
  const [hang, pids] = [ground.path('hang'), ground.path('pids')];
  const service = await hangingService(hang, pids);
  const repositoryId = await world.repository(four);
  const controller = new AbortController();
  const { context } = recordContext({ signal: controller.signal });
  const running = world.handler.run(world.payload(repositoryId, service), context);
  const all = await notedPids(pids, 8);
  const started = Date.now();
  controller.abort(new Error('cancelled'));
  await expect(running).rejects.toThrow('cancelled');
  expect(Date.now() - started).toBeLessThan(2000);
  for (const end = Date.now() + 1500; all.some(isRunning) && Date.now() < end;) await sleep(10);
  expect(all.filter(isRunning)).toEqual([]);
  expect(await world.signatures(repositoryId)).toEqual([]);
});

describe('a worker that dies', () => {
  it('before the commit leaves nothing: a run that lost its task is undone whole', async () => {
    const service = await services.cosign('tag');
    const repositoryId = await world.repository(four);
    const lost = recordContext({ fence: () => Promise.reject(new Error('the task went to another worker')) });
    await expect(world.handler.run(world.payload(repositoryId, service), lost.context)).rejects.toThrow(
      'another worker',
    );
    expect(await world.signatures(repositoryId)).toEqual([]);
    const { context } = recordContext({ taskId: lost.context.taskId });
    expect((await world.handler.run(world.payload(repositoryId, service), context)).signed).toBe(4);
  });
});

describe('at the same time', () => {
  it('two sign tasks of two keys both land, under the same companion tags too', async () => {
    const both = [await services.cosign('tag'), await services.cosign('tag')];
    const repositoryId = await world.repository(four);
    const results = await Promise.all(
      both.map((service) => world.handler.run(world.payload(repositoryId, service), recordContext().context)),
    );
    expect(results.map(({ signed }) => signed)).toEqual([4, 4]);
    const found = await world.signatures(repositoryId);
    expect(found).toHaveLength(8);
    const manifest = JSON.parse(
      (await world.tagged(repositoryId, companionTagOf(found[0]!.digest, 'sig')))!.bytes.toString(),
    ) as { layers: unknown[] };
    expect(manifest.layers).toHaveLength(2);
    for (const service of both)
      expect((await world.outcomes(repositoryId, service)).sort()).toEqual([
        ...Array(4).fill('untrusted'),
        ...Array(4).fill('verified'),
      ]);
  });

  it('a client that pushes the same companion tag meanwhile keeps its signature', async () => {
    const [ours, theirs] = [await services.cosign('tag'), await services.cosign('tag')];
    const repositoryId = await world.repository({ plain: 'image' });
    const manifest = (await world.tagged(repositoryId, 'plain'))!;
    let pushed = false;
    // Their push comes between the making of our artifact and our commit.
    const fence = async () => {
      if (pushed) return;
      pushed = true;
      const bytes = await (await openSigner(theirs, ground.settings)).sign(manifest, 'elsewhere.example.com/app:1');
      await storeSignatures(world, repositoryId, [{ format: 'cosign', manifest, bytes }]);
    };
    await world.handler.run(world.payload(repositoryId, ours), recordContext({ fence }).context);
    expect(await world.outcomes(repositoryId, ours)).toEqual(['untrusted', 'verified']);
    const companion = (await world.tagged(repositoryId, companionTagOf(manifest.digest, 'sig')))!;
    expect((JSON.parse(companion.bytes.toString()) as { layers: unknown[] }).layers).toHaveLength(2);
    expect(digestOf(companion.bytes)).toBe(companion.digest);
  });
});

it('an index that lists referrers for older clients takes the new signatures in', async () => {
  const service = await services.notation('jws');
  const repositoryId = await world.repository({ plain: 'image' });
  const run = (force: boolean) =>
    world.handler.run(world.payload(repositoryId, service, { force }), recordContext().context);
  await run(false);
  const { digest } = (await world.tagged(repositoryId, 'plain'))!;
  await world.source.transaction(async (tx) =>
    applyChange(tx, repositoryId, { add: await renderFallback(tx, repositoryId, digest, {}) }),
  );
  const listed = async () => {
    const index = (await world.tagged(repositoryId, digest.replace(':', '-')))!;
    return (JSON.parse(index.bytes.toString()) as { manifests: unknown[] }).manifests.length;
  };
  expect(await listed()).toBe(1);
  await sleep(1001 - (Date.now() % 1000));
  await run(true);
  expect(await listed()).toBe(2);
});

describe('through dispatcher, queue and worker', () => {
  it('the task signs, reports, and fails with its result when a part fails; cancelling it ends the scripts', async () => {
    const process = await startTaskProcess({
      source: world.source,
      databaseUrl: world.database.url,
      handlers: [world.handler],
    });
    const until = async (id: string, ...states: string[]): Promise<Task> => {
      for (const end = Date.now() + 20_000; ;) {
        const task = await world.source.manager.findOneByOrFail(Task, { id });
        if (states.includes(task.state)) return task;
        if (Date.now() > end) throw new Error(`the task is ${task.state}`);
        await sleep(20);
      }
    };
    try {
      const repositoryId = await world.repository(four);
      const good = await process.dispatcher.dispatch(signTask, world.payload(repositoryId, await services.simple()));
      expect(await until(good.id, 'completed', 'failed')).toMatchObject({
        state: 'completed',
        name: 'pulp_container.app.tasks.sign.sign',
        result: { signed: 4, skipped: 0, failed: [] },
        progressReports: [{ code: 'sign.manifests', state: 'completed', done: 4, total: 4 }],
        createdResources: [expect.stringMatching(/\/versions\/3\/$/)],
      });

      const script = ground.script('partly.sh', gpgScript());
      const partly = await services.script(script);
      ground.script('partly.sh', `case "$REFERENCE" in *:plain) exit 1;; esac\n${gpgScript()}`);
      const bad = await process.dispatcher.dispatch(signTask, world.payload(repositoryId, partly));
      const failed = await until(bad.id, 'completed', 'failed');
      expect(failed).toMatchObject({
        state: 'failed',
        result: { signed: 3, failed: [{ reason: 'The script ended with 1. It wrote nothing to stderr.' }] },
        error: { description: expect.stringContaining('1 of 4 signatures failed'), error_code: 'SIGN_FAILED' },
        createdResources: [expect.stringMatching(/\/versions\/4\/$/)],
      });

      const [hang, pids] = [ground.path('hang2'), ground.path('pids2')];
      const slow = await process.dispatcher.dispatch(
        signTask,
        world.payload(repositoryId, await hangingService(hang, pids)),
      );
      const all = await notedPids(pids, 8);
      await process.dispatcher.cancel(slow.id);
      expect((await until(slow.id, 'canceled', 'failed', 'completed')).state).toBe('canceled');
      for (const end = Date.now() + 1500; all.some(isRunning) && Date.now() < end;) await sleep(10);
      expect(all.filter(isRunning)).toEqual([]);
    } finally {
      await process.close();
    }
  });
});
