import { defineConfig } from 'vitest/config';
import { clientFolder } from './scripts/clients.mjs';

// Programs that a test starts look for clients where the installer puts them.
const env = { HALLMARK_CLIENTS: clientFolder() };
// Vitest reads the libs from source; Node reads them from dist through the package's imports.
const source = { resolve: { alias: [{ find: /^#(.+)\.js$/, replacement: `${import.meta.dirname}/libs/$1.ts` }] } };

/** `unit`: beside pure code, nothing started. `system`: real databases, processes and clients, under test/. */
export default defineConfig({
  ...source,
  test: {
    maxWorkers: 2,
    projects: [
      {
        ...source,
        test: { name: 'unit', env, include: ['libs/**/*.spec.ts', 'apps/**/*.spec.ts'], testTimeout: 30_000 },
      },
      {
        ...source,
        test: {
          name: 'system',
          env,
          include: ['test/**/*.spec.ts'],
          globalSetup: ['test/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
