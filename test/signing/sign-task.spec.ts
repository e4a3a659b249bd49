import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SigningServiceEntity } from '#signing/signing-service.entity.js';
import { TaskFailure } from '#tasks/define-task.js';
import { draftOf, makeImage, makeRepository } from '../content/content-factory.js';
import { gpgScript, SigningGround } from './ground.js';
import { Services } from './services.js';
import { HOST, push, recordContext, SignWorld } from './sign-world.js';

const ground = new SigningGround();
let world: SignWorld;
let services: Services;
let service: SigningServiceEntity;

beforeAll(async () => {
  world = await SignWorld.open();
  services = new Services(world, ground);
  service = await services.simple();
});
afterAll(async () => {
  await world.close();
  ground.close();
});

/** Runs the task once and gives what it said. */
async function run(repositoryId: string, change: Parameters<SignWorld['payload']>[2] = {}, by = service) {
  const recorded = recordContext();
  const result = await world.handler.run(world.payload(repositoryId, by, change), recorded.context);
  return { ...recorded, result };
}

const references = async (repositoryId: string) =>
  (await world.signatures(repositoryId)).map(({ reference }) => reference!.slice(`${HOST}/team/app:`.length)).sort();

describe('5 manifests and 2 tags give 4 signatures', () => {
  it('for one index of three images and one plain image', async () => {
    const repositoryId = await world.repository({ multi: 3, plain: 'image' });
    const { result, created, progress } = await run(repositoryId);
    expect(result).toEqual({ signed: 4, skipped: 0, failed: [] });
    expect(await references(repositoryId)).toEqual(['multi', 'multi', 'multi', 'plain']);
    expect(await world.outcomes(repositoryId, service)).toEqual(Array.from({ length: 4 }, () => 'verified'));
    expect(created).toEqual([`/pulp/api/v3/repositories/container/container-push/${repositoryId}/versions/3/`]);
    expect(progress[0]).toMatchObject({ code: 'sign.manifests', done: 0, total: 4, state: 'running' });
    expect(progress.at(-1)).toMatchObject({ done: 4, total: 4, state: 'completed' });
  });

  it('for two indexes of two images that share one, which has a signature for each tag', async () => {
    const repositoryId = await makeRepository(world.source);
    await world.source.transaction(async (tx) => {
      const [a, b, c] = [
        await makeImage(tx, repositoryId),
        await makeImage(tx, repositoryId),
        await makeImage(tx, repositoryId),
      ];
      await push(tx, repositoryId, 'one', [a, b]);
      await push(tx, repositoryId, 'two', [b, c]);
    });
    expect((await run(repositoryId)).result.signed).toBe(4);
    expect(await references(repositoryId)).toEqual(['one', 'one', 'two', 'two']);
    expect(new Set((await world.signatures(repositoryId)).map(({ digest }) => digest)).size).toBe(3);
  });
});

describe('what is signed', () => {
  it('an image under two tags has a signature for each; indexes themselves only when asked for', async () => {
    const repositoryId = await makeRepository(world.source);
    await world.source.transaction(async (tx) => {
      const image = await push(tx, repositoryId, 'a', 'image');
      await push(tx, repositoryId, 'b', image);
      await push(tx, repositoryId, 'list', [image]);
    });
    expect((await run(repositoryId)).result.signed).toBe(3);
    expect((await run(repositoryId, { signLists: true })).result).toEqual({ signed: 1, skipped: 3, failed: [] });
    expect(await references(repositoryId)).toEqual(['a', 'b', 'list', 'list']);
  });

  it('only the tags that are named', async () => {
    const repositoryId = await world.repository({ a: 'image', b: 'image', c: 2 });
    expect((await run(repositoryId, { tagNames: ['a', 'c'] })).result.signed).toBe(3);
    expect(await references(repositoryId)).toEqual(['a', 'c', 'c']);
  });

  it('signatures under companion tags are not signed as if they were images', async () => {
    const repositoryId = await world.repository({ a: 'image' });
    await run(repositoryId, {}, await services.cosign('tag'));
    expect((await run(repositoryId)).result.signed).toBe(1);
  });

  it('a repository without tags is signed in no time and gets no version', async () => {
    const repositoryId = await makeRepository(world.source);
    const { result, created } = await run(repositoryId);
    expect([result.signed, created, await world.head(repositoryId)]).toEqual([0, [], 0]);
  });
});

describe('signing again', () => {
  it('skips what is signed and makes no version; force signs all and keeps the old ones', async () => {
    const repositoryId = await world.repository({ a: 'image', b: 2 });
    await run(repositoryId);
    const head = await world.head(repositoryId);
    const again = await run(repositoryId);
    expect(again.result).toEqual({ signed: 0, skipped: 3, failed: [] });
    expect([again.created, await world.head(repositoryId)]).toEqual([[], head]);
    // A signature of the same second by a key that knows no chance is the same signature.
    await sleep(1001 - (Date.now() % 1000));
    expect((await run(repositoryId, { force: true })).result.signed).toBe(3);
    expect(await world.head(repositoryId)).toBe(head + 1);
    expect(await world.signatures(repositoryId)).toHaveLength(6);
  });

  it('another key, or another reference, is not a signature that would do', async () => {
    const repositoryId = await world.repository({ a: 'image' });
    await run(repositoryId);
    expect((await run(repositoryId, {}, await services.simple())).result.signed).toBe(1);
    expect((await run(repositoryId, { reference: `${HOST}/prod/app` })).result.signed).toBe(1);
    expect(await world.signatures(repositoryId)).toHaveLength(3);
  });

  it('a new tag on a signed image is signed', async () => {
    const repositoryId = await world.repository({ a: 'image' });
    await run(repositoryId);
    const image = (await world.tagged(repositoryId, 'a'))!;
    await world.source.transaction(async (tx) => {
      await push(tx, repositoryId, 'b', draftOf(JSON.parse(image.bytes.toString())));
    });
    expect((await run(repositoryId)).result).toMatchObject({ signed: 1, skipped: 1 });
  });
});

describe('when some manifests fail', () => {
  it('the others land in one version, the task fails with the result, and signing again makes only those', async () => {
    const repositoryId = await world.repository({ good: 'image', bad: 'image', ugly: 2 });
    const flag = ground.write('broken', '');
    const script = ground.script(
      'some.sh',
      `case "$REFERENCE" in *:bad) [ ! -f ${flag} ] || { echo "the token is out of reach" >&2; exit 7; };; esac\n${gpgScript()}`,
    );
    const by = await services.script(script);
    const recorded = recordContext();
    const failure = await world.handler
      .run(world.payload(repositoryId, by), recorded.context)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TaskFailure);
    const { digest } = (await world.tagged(repositoryId, 'bad'))!;
    expect((failure as TaskFailure).result).toEqual({
      signed: 3,
      skipped: 0,
      failed: [
        {
          manifest: digest,
          reference: `${HOST}/team/app:bad`,
          reason: 'The script ended with 7. It wrote to stderr: the token is out of reach',
        },
      ],
    });
    expect((failure as Error).message).toMatch(
      /^1 of 4 signatures failed; sign again to make those only\.\n.*out of reach$/,
    );
    expect(recorded.created).toHaveLength(1);
    expect(recorded.progress.at(-1)).toMatchObject({ state: 'failed', done: 4, total: 4 });
    expect(await references(repositoryId)).toEqual(['good', 'ugly', 'ugly']);
    ground.script('some.sh', gpgScript());
    expect((await run(repositoryId, {}, by)).result).toEqual({ signed: 1, skipped: 3, failed: [] });
  });

  it('a signature by another key is not stored', async () => {
    const repositoryId = await world.repository({ a: 'image' });
    const by = await services.script(ground.script('swap.sh', gpgScript()));
    const other = ground.home.newKey('swapped@example.com', 'ed25519');
    ground.script('swap.sh', gpgScript({ key: other }));
    await expect(run(repositoryId, {}, by)).rejects.toThrow('1 of 1 signatures failed');
    expect(await world.signatures(repositoryId)).toEqual([]);
    expect(await world.head(repositoryId)).toBe(1);
  });

  it('a companion tag that leads to something else fails that manifest only', async () => {
    const repositoryId = await world.repository({ a: 'image', b: 'image' });
    const { digest } = (await world.tagged(repositoryId, 'a'))!;
    await world.source.transaction((tx) => push(tx, repositoryId, `${digest.replace(':', '-')}.sig`, 1));
    const by = await services.cosign('tag');
    const failure = await run(repositoryId, {}, by).catch((error: unknown) => error);
    expect((failure as TaskFailure).result).toMatchObject({
      signed: 1,
      failed: [{ manifest: digest, reason: expect.stringContaining('does not lead to an OCI image manifest') }],
    });
    expect(await world.signatures(repositoryId)).toHaveLength(1);
  });

  it('a damaged manifest is not signed', async () => {
    const repositoryId = await world.repository({ a: 'image' });
    const { digest } = (await world.tagged(repositoryId, 'a'))!;
    await world.source.query(`update manifest set bytes = '{}' where digest = $1`, [digest]);
    await expect(run(repositoryId)).rejects.toThrow('are damaged');
  });

  it('a removed service says so', async () => {
    const repositoryId = await world.repository({ a: 'image' });
    await expect(run(repositoryId, { serviceId: repositoryId })).rejects.toThrow('The signing service was removed');
  });
});
