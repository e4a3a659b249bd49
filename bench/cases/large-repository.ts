import pg from 'pg';
import { pushImage } from '../content.js';
import { databaseUrl } from '../database-url.js';
import { type Load, wrk } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable } from '../report.js';
import { inTurns } from '../rounds.js';
import { type Server, startHallmark } from '../servers.js';

const TAGS = 50_000;
const REFERRERS = 100_000;

/** Manifest GET in a repository of 50,000 tags and 100,000 referrers beside one with a single tag. */
export async function largeRepository(flags: Flags): Promise<void> {
  const hallmark = await startHallmark();
  try {
    await pushImage(hallmark, 'bench/small', 'latest', 1500);
    const image = await pushImage(hallmark, 'bench/large', 'latest', 1500);
    await grow(hallmark, 'bench/large', image.digest);
    const load = (path: string) => () => wrk(hallmark.pid, hallmark.url + path, { seconds: flags.seconds });
    const results: Record<string, Load> = await inTurns(flags.rounds, {
      'one tag': load('/v2/bench/small/manifests/latest'),
      '50,000 tags, 100,000 referrers': load('/v2/bench/large/manifests/latest'),
      'the same by digest': load(`/v2/bench/large/manifests/${image.digest}`),
      'one of its tags': load('/v2/bench/large/manifests/many-40000'),
    });
    const base = results['one tag']!;
    const rows = Object.entries(results).map(([what, each]) => ({
      what,
      server: 'hallmark',
      load: each,
      ratios: each === base ? [] : [`${(each.rate / base.rate).toFixed(2)}× one tag`],
    }));
    printTable('Manifest GET by size of the repository, 32 connections', 'requests/s', rows);
  } finally {
    await hallmark.stop();
  }
}

/** Rows as pushes would make them, without fifty thousand pushes. */
async function grow(server: Server, name: string, digest: string): Promise<void> {
  const client = new pg.Client({ connectionString: await databaseUrl(server) });
  await client.connect();
  const image = `(select id from manifest where digest = $1)`;
  await client.query(
    `with fresh as (insert into tag (id, name, manifest_id) select gen_random_uuid(), 'many-' || n, ${image}
       from generate_series(1, ${TAGS}) n returning id, name)
     insert into membership (repository_id, unit_id, kind, tag_name, added_in)
     select r.id, fresh.id, 'tag', fresh.name, r.head from fresh, repository r where r.name = $2`,
    [digest, name],
  );
  await client.query(
    `with fresh as (insert into manifest (id, digest, media_type, schema_version, type, annotations, labels, size, bytes, subject_digest)
       select gen_random_uuid(), 'sha256:' || encode(sha256(n::text::bytea), 'hex'), media_type, 2, 'artifact', '{}', '{}', 2, '{}', $1
       from manifest, generate_series(1, ${REFERRERS}) n where digest = $1 returning id),
     related as (insert into relation (subject_digest, referrer_id, source) select $1, id, 'subject' from fresh)
     insert into membership (repository_id, unit_id, kind, added_in)
     select r.id, fresh.id, 'manifest', r.head from fresh, repository r where r.name = $2`,
    [digest, name],
  );
  await client.query('vacuum analyze');
  await client.end();
}
