import { parseArgs } from 'node:util';
import { machine } from './report.js';

/** What can be set on the command line. */
export interface Flags {
  readonly seconds: number;
  readonly rounds: number;
  /** Size of large blobs in MiB. */
  readonly mib: number;
  /** How many pieces of a set. */
  readonly count: number;
}

/** The cases by name; each is loaded only when it is run. */
const CASES: Readonly<Record<string, () => Promise<(flags: Flags) => Promise<void>>>> = {
  manifests: async () => (await import('./cases/manifests.js')).manifests,
  'large-repository': async () => (await import('./cases/large-repository.js')).largeRepository,
  lists: async () => (await import('./cases/lists.js')).lists,
  'small-blobs': async () => (await import('./cases/blobs.js')).smallBlobs,
  'large-blobs': async () => (await import('./cases/blobs.js')).largeBlobs,
  nginx: async () => (await import('./cases/blobs.js')).blobsThroughNginx,
  'large-pushes': async () => (await import('./cases/large-pushes.js')).largePushes,
  'small-pushes': async () => (await import('./cases/small-pushes.js')).smallPushes,
  collector: async () => (await import('./cases/collector.js')).collector,
  memory: async () => (await import('./cases/memory.js')).memory,
  signing: async () => (await import('./cases/signing.js')).signing,
  'signing-script': async () => (await import('./cases/signing.js')).signingByScript,
  sync: async () => (await import('./cases/sync.js')).sync,
  'sync-tags': async () => (await import('./cases/sync.js')).syncTags,
  'sync-layer': async () => (await import('./cases/sync.js')).syncLayer,
  exchange: async () => (await import('./cases/exchange.js')).exchange,
  verify: async () => (await import('./cases/verify.js')).verify,
  trusted: async () => (await import('./cases/trusted.js')).trusted,
  tasks: async () => (await import('./cases/tasks.js')).taskLatency,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    mib: { type: 'string', default: '256' },
    count: { type: 'string', default: '0' },
  },
});
const flags: Flags = {
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  mib: Number(values.mib),
  count: Number(values.count),
};

const wanted = positionals.length > 0 ? positionals : Object.keys(CASES);
const unknown = wanted.find((name) => !(name in CASES));
if (unknown !== undefined) throw new Error(`There is no case ${unknown}; there are ${Object.keys(CASES).join(', ')}.`);
process.stdout.write(`${machine()}\n\n`);
for (const name of wanted) await (await CASES[name]!())(flags);
process.exit(0);
