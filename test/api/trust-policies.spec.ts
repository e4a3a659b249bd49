import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, startApi, type ApiProcess } from './api-process.js';

const POLICIES = `${ROOT}/trust-policies/`;

describe('a trust policy', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  it.each([
    ['containers_policy', { default: [] }, 'default must be a list'],
    ['containers_policy', 'text', 'not valid JSON'],
    ['notation_trust_policy', { version: '2.0' }, 'version'],
    ['trusted_root', { tlogs: [] }, 'trusted root'],
    ['keys', [], "Unexpected field 'keys'"],
  ])(
    'is refused with a %s that nothing can be judged by, when it is made and when it is changed',
    async (member, value, why) => {
      const body = { name: `bad ${member}`, trust: { [member]: value } };
      const made = await api.request('POST', POLICIES, body);
      expect([made.status, JSON.stringify(made.body)]).toEqual([400, expect.stringContaining(why)]);
      const good = await api.request('POST', POLICIES, { name: `good ${why}`, trust: {} });
      expect(good.status).toBe(201);
      const changed = await api.request('PATCH', good.body['pulp_href'] as string, { trust: body.trust });
      expect([changed.status, JSON.stringify(changed.body)]).toEqual([400, expect.stringContaining(why)]);
    },
  );
});
