import type { TestContext } from 'vitest';
import { findClient, missingClients } from '../scripts/clients.mjs';

/** In the gate a missing client is a failure; elsewhere the tests that need it are skipped, and say so. */
const REQUIRED = process.env['HALLMARK_REQUIRE_CLIENTS'] === '1';

/** Ends a test that lacks something: as skipped, or as failed where everything must be there. */
export function lacking(context: TestContext, advice: string): never {
  if (REQUIRED) throw new Error(advice);
  return context.skip(advice);
}

/** For the `describe` of a suite: whether to skip it, and what to put behind its name. */
export function needing(...names: string[]): { readonly skip: boolean; readonly note: string } {
  const missing = names.filter((name) => !findClient(name));
  if (missing.length === 0) return { skip: false, note: '' };
  const lines = missingClients().flatMap(({ name, install }) => (missing.includes(name) ? [install] : []));
  return { skip: !REQUIRED, note: ` (needs ${missing.join(', ')}: ${[...new Set(lines)].join('; ')})` };
}
