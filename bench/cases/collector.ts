import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { pushImage } from '../content.js';
import { databaseUrl } from '../database-url.js';
import { type Load, wrk } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable } from '../report.js';
import { finished, post } from '../rest.js';
import { inTurns } from '../rounds.js';
import { type Server, startHallmark } from '../servers.js';

const NAME = 'bench/collected';
const BYTES = 4096;

/** Manifest GET while nothing else happens, and while the collector removes blobs that nothing needs, all the time. */
export async function collector(flags: Flags): Promise<void> {
  const hallmark = await startHallmark();
  const blobs = flags.count || 10_000;
  let removed = 0;
  try {
    await pushImage(hallmark, NAME, 'latest', 1500);
    const read = () => wrk(hallmark.pid, `${hallmark.url}/v2/${NAME}/manifests/latest`, { seconds: flags.seconds });
    let round = 0;
    const loads = {
      'pulls alone': read,
      'pulls beside the collector': async () => {
        round += 1;
        await litter(hallmark, `${round}`, blobs);
        const { task } = await post(hallmark, 'orphans/cleanup/', { orphan_protection_time: 60 });
        const load = await read();
        removed += blobs - (await left(hallmark));
        await finished(hallmark, task);
        return load;
      },
    };
    const results: Record<string, Load> = await inTurns(flags.rounds, loads);
    const { 'pulls alone': alone, 'pulls beside the collector': beside } = results as Record<keyof typeof loads, Load>;
    const ratio = `p99 ${(beside.p99! / alone.p99!).toFixed(2)}× alone`;
    printTable(`Pulls while the collector runs (${removed} blobs removed meanwhile), 32 connections`, 'requests/s', [
      { what: 'manifest by tag, alone', server: 'hallmark', load: alone },
      { what: 'beside the collector', server: 'hallmark', load: beside, ratios: [ratio] },
    ]);
  } finally {
    await hallmark.stop();
  }
}

/** Blobs with bytes that no version holds, last used two days ago. */
async function litter(server: Server, salt: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: await databaseUrl(server) });
  await client.connect();
  const digests = Array.from({ length: count }, (_each, at) =>
    createHash('sha256').update(`${salt} ${at}`).digest('hex'),
  );
  const root = join(server.folder, 'data/blobs/sha256');
  for (const hex of digests) {
    await mkdir(join(root, hex.slice(0, 2)), { recursive: true });
    await writeFile(join(root, hex.slice(0, 2), hex), Buffer.alloc(BYTES));
  }
  await client.query(
    `insert into blob (id, digest, size, stored, touched_at)
     select uuidv7(), 'sha256:' || hex, ${BYTES}, true, now() - interval '2 days' from unnest($1::text[]) hex`,
    [digests],
  );
  await client.end();
}

/** How much of the litter is still there; throws when all is gone, for then the load was not beside the collector. */
async function left(server: Server): Promise<number> {
  const folder = join(server.folder, 'data/blobs/sha256');
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.length > 64);
  if (files.length === 0) throw new Error('The collector ended before the load did: give it more with --count.');
  return files.length;
}
