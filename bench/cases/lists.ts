import { call, imageOf, pushBlob, pushImage, putManifest, someBlob } from '../content.js';
import { type Load, wrk } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable } from '../report.js';
import { inTurns } from '../rounds.js';
import { type Server, startBare } from '../servers.js';
import { compared, start } from './blobs.js';
import { flatHeaders } from './manifests.js';

const NAME = 'bench/lists';
const REFERRERS = 50;

/** Referrers of a manifest with fifty; tag lists of a repository with ten thousand, a page of a hundred and all. */
export async function lists(flags: Flags): Promise<void> {
  const tags = flags.count || 10_000;
  const servers = await start(['distribution', 'olareg']);
  try {
    const [hallmark] = servers as [Server, ...Server[]];
    const subjects = new Map<string, string>();
    for (const server of servers) subjects.set(server.name, await fill(server, server.name === 'olareg' ? 100 : tags));
    const referrers = (server: Server) => `/v2/${NAME}/referrers/${subjects.get(server.name)!}`;
    const body = Buffer.from((await call(hallmark, 'GET', referrers(hallmark), [200])).body);
    const bare = await startBare(await flatHeaders(hallmark, referrers(hallmark)), body);
    servers.push(bare);
    const loads: Record<string, () => Promise<Load>> = {};
    const load = (server: Server, what: string, path: string) => {
      loads[`${server.name}|${what}`] = () => wrk(server.pid, server.url + path, { seconds: flags.seconds });
    };
    for (const server of servers) {
      if (server.name === 'node:http') load(server, 'referrers, 50', '/');
      else if (server.name !== 'distribution') load(server, 'referrers, 50', referrers(server));
      if (server.name !== 'hallmark' && server.name !== 'distribution') continue;
      load(server, `tags, 100 of ${tags}`, `/v2/${NAME}/tags/list?n=100`);
      load(server, `tags, all ${tags}`, `/v2/${NAME}/tags/list?n=10000`);
    }
    const results = await inTurns(flags.rounds, loads);
    printTable('Lists, 32 connections', 'requests/s', compared(results));
  } finally {
    for (const each of servers) await each.stop();
  }
}

/** Pushes one image under many tags, with referrers where they are kept; gives its digest. */
async function fill(server: Server, tags: number): Promise<string> {
  const image = await pushImage(server, NAME, 'subject');
  let next = 1;
  const client = async () => {
    for (let at = next++; at < tags; at = next++)
      await putManifest(server, NAME, `tag-${String(at).padStart(6, '0')}`, image);
  };
  await Promise.all(Array.from({ length: 8 }, client));
  if (server.name === 'distribution') return image.digest;
  const config = someBlob(2);
  await pushBlob(server, NAME, config);
  for (let at = 0; at < REFERRERS; at += 1) {
    const subject = { mediaType: image.mediaType, digest: image.digest, size: image.size };
    const referrer = imageOf([config, config], { artifactType: 'application/vnd.bench.sbom', subject }, at + 1);
    await putManifest(server, NAME, referrer.digest, referrer);
  }
  return image.digest;
}
