import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, expectSound, NAME } from './fuzz-requests.js';
import { type Answer, type RegistryProcess, sha, startRegistry } from './registry-process.js';
import { pathOf } from './upload-requests.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

describe('whatever an upload does', () => {
  type Step = {
    kind: 'chunk' | 'stream' | 'close' | 'status' | 'cancel';
    shift: number;
    length: number;
    right: boolean;
  };
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('chunk', 'chunk', 'chunk', 'stream', 'status', 'close', 'cancel'),
    shift: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -20, max: 20 }) },
    ),
    length: fc.integer({ min: 0, max: 300 }),
    right: fc.boolean(),
  });

  it('in any order with any offset, it follows the model: nothing is lost, mixed or seen under a wrong digest', async () => {
    const plan = fc.tuple(fc.array(step, { minLength: 1, maxLength: 10 }), fc.integer({ min: 0, max: 255 }));
    await check(plan, 60, async ([steps, salt]) => {
      const location = pathOf(await registry.request('POST', `/v2/${NAME}/blobs/uploads/`));
      let model = Buffer.alloc(0);
      let state: 'open' | 'closed' | 'gone' = 'open';
      for (const [at, each] of steps.entries()) {
        const bytes = Buffer.alloc(each.length, (salt + at) % 256);
        const from = Math.max(0, model.length + each.shift);
        const answer = await perform(location, each, bytes, from, model);
        expectSound(answer.status, answer.bytes.toString(), each);
        if (state !== 'open') {
          const repeated = state === 'closed' && each.kind === 'close' && each.right;
          expect([each.kind, answer.status]).toEqual([each.kind, repeated ? 201 : 404]);
          continue;
        }
        if (each.kind === 'status') expect([answer.status, answer.headers.get('range')]).toEqual([204, rangeOf(model)]);
        if (each.kind === 'stream' || (each.kind === 'chunk' && from === model.length && each.length > 0)) {
          expect(answer.status).toBe(202);
          model = Buffer.concat([model, bytes]);
          expect(answer.headers.get('range')).toBe(rangeOf(model));
        } else if (each.kind === 'chunk') expect([400, 416]).toContain(answer.status);
        if (each.kind === 'cancel') [state] = ['gone'];
        if (each.kind !== 'close') continue;
        expect(answer.status).toBe(each.right ? 201 : 400);
        state = each.right ? 'closed' : 'gone';
        const stored = await registry.request('GET', `/v2/${NAME}/blobs/${sha(model)}`);
        if (each.right) expect(stored.bytes.equals(model)).toBe(true);
        expect((await registry.request('GET', `/v2/${NAME}/blobs/${wrong(model)}`)).status).toBe(404);
      }
    });
  });

  const wrong = (model: Buffer) => sha(Buffer.concat([model, Buffer.from('wrong')]));
  const rangeOf = (model: Buffer) => `0-${Math.max(0, model.length - 1)}`;

  function perform(
    location: string,
    { kind, right }: Step,
    bytes: Buffer,
    from: number,
    model: Buffer,
  ): Promise<Answer> {
    switch (kind) {
      case 'status':
        return registry.request('GET', location);
      case 'cancel':
        return registry.request('DELETE', location);
      case 'close':
        return registry.request('PUT', `${location}&digest=${right ? sha(model) : wrong(model)}`);
      case 'stream':
        return registry.request('PATCH', location, { body: bytes });
      case 'chunk':
        return registry.request('PATCH', location, {
          body: bytes,
          headers: { 'content-range': `${from}-${from + bytes.length - 1}` },
        });
    }
  }
});
