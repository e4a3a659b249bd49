import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { API_CONTROLLERS } from '../../apps/api/api.module.js';
import { buildDocument } from '../../apps/api/rest/openapi/document.js';
import { routesOf } from '../../apps/api/rest/openapi/routes.js';
import { compatibilityPage } from '../../scripts/write-compatibility.mjs';

const ROOT = join(import.meta.dirname, '../..');
const STALE = 'is stale: run node scripts/write-compatibility.mjs';
const text = (path: string) => readFile(join(ROOT, path), 'utf8');
const live = () =>
  JSON.parse(JSON.stringify(buildDocument(routesOf(API_CONTROLLERS), { origin: '' }))) as Record<string, unknown>;

it('docs/api.json is what the controllers say', async () => {
  const kept = JSON.parse(await text('docs/api.json')) as unknown;
  expect(JSON.stringify(kept) === JSON.stringify(live()), `docs/api.json ${STALE}`).toBe(true);
});

it('docs/pulp-compatibility.md is what the document says', async () => {
  const pulp = JSON.parse(await text('scripts/pulp-operations.json')) as Record<string, string[]>;
  expect(await text('docs/pulp-compatibility.md'), `docs/pulp-compatibility.md ${STALE}`).toBe(
    compatibilityPage(live(), pulp),
  );
});

it('the page is not written when something is left out without a reason', () => {
  expect(() => compatibilityPage(live(), { core: ['GET /pulp/api/v3/wonders/'] })).toThrow(/without a reason/);
});
