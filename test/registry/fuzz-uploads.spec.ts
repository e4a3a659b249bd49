import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, expectSound, NAME } from './fuzz-requests.js';
import { type RegistryProcess, startBeside, startRegistry } from './registry-process.js';
import { anyStep, ask, type Asked, foretell, type Model, send } from './upload-model.js';
import { pathOf } from './upload-requests.js';

let processes: [RegistryProcess, RegistryProcess];
beforeAll(async () => {
  const one = await startRegistry();
  processes = [one, await startBeside(one)];
});
afterAll(async () => {
  await processes?.[1].close();
  await processes?.[0].close();
});

const EMPTY: Model = { bytes: Buffer.alloc(0) };
const start = async () => pathOf(await processes[0].request('POST', `/v2/${NAME}/blobs/uploads/`));
const perform = async (location: string, asked: Asked) => {
  const answer = await send(processes[asked.step.process]!, location, asked);
  expectSound(answer.status, answer.bytes.toString(), asked.step);
  return answer;
};
const rangeOf = ({ bytes }: Model) => `0-${Math.max(0, bytes.length - 1)}`;

/** Both processes say of a session what the model says, and have its blob. */
async function expectStanding(location: string, model: Model): Promise<void> {
  for (const each of processes) {
    const status = await each.request('GET', location);
    expect([status.status, status.headers.get('range')]).toEqual(
      model.end === undefined ? [204, rangeOf(model)] : [404, null],
    );
    if (!model.end) continue;
    const blob = await each.request('GET', `/v2/${NAME}/blobs/${model.end}`);
    expect(blob.bytes.equals(model.bytes)).toBe(true);
  }
}

describe('whatever uploads do at two processes', () => {
  const plan = fc.tuple(fc.array(anyStep, { minLength: 1, maxLength: 12 }), fc.integer({ min: 0, max: 255 }));

  it('in any order with any offset, they follow the model: nothing is lost, mixed or seen under a wrong digest', async () => {
    await check(plan, 60, async ([steps, salt]) => {
      const locations = [await start(), await start()];
      const models = [EMPTY, EMPTY];
      for (const [at, step] of steps.entries()) {
        const asked = ask(step, models[step.session]!, (salt + at) % 256);
        const { status, after } = foretell(asked, models[step.session]!);
        const answer = await perform(locations[step.session]!, asked);
        expect([asked.method, answer.status]).toEqual([asked.method, status]);
        const tells = status === 202 || asked.method === 'GET';
        if (tells && after.end === undefined) expect(answer.headers.get('range')).toBe(rangeOf(after));
        models[step.session] = after;
      }
      for (const [at, location] of locations.entries()) await expectStanding(location, models[at]!);
    });
  });

  it('two that are asked for at the same time are done one after the other, in either order', async () => {
    const pair = fc.tuple(anyStep, anyStep);
    await check(fc.tuple(fc.array(pair, { minLength: 1, maxLength: 5 }), fc.nat(255)), 60, async ([pairs, salt]) => {
      const location = await start();
      let possible: readonly Model[] = [EMPTY];
      for (const [at, [first, second]] of pairs.entries()) {
        const model = possible[0]!;
        const asked = [
          ask(first, model, (salt + 2 * at) % 256),
          ask(second, model, (salt + 2 * at + 1) % 256),
        ] as const;
        const answers = await Promise.all(asked.map((each) => perform(location, each)));
        const statuses = answers.map(({ status }) => status).join();
        const orders = possible.flatMap((before) => eitherOrder(before, asked));
        expect(
          orders.map((each) => each.statuses),
          JSON.stringify(asked.map(({ method, step }) => ({ method, step, before: model.bytes.length }))),
        ).toContain(statuses);
        const standing = await processes[0].request('GET', location);
        possible = orders
          .filter((each) => each.statuses === statuses)
          .map(({ after }) => after)
          .filter((after) => standing.headers.get('range') === (after.end === undefined ? rangeOf(after) : null));
        expect(possible).not.toEqual([]);
      }
      if (possible.length === 1 && possible[0]!.end) await expectStanding(location, possible[0]!);
    });
  });
});

function eitherOrder(before: Model, [one, two]: readonly [Asked, Asked]) {
  const forwards = foretell(one, before);
  const thenTwo = foretell(two, forwards.after);
  const backwards = foretell(two, before);
  const thenOne = foretell(one, backwards.after);
  return [
    { statuses: `${forwards.status},${thenTwo.status}`, after: thenTwo.after },
    { statuses: `${thenOne.status},${backwards.status}`, after: thenOne.after },
  ];
}
