import { call, imageOf, pushBlob, pushBlobAsChunk, pushImage, putManifest, someBlob } from '../content.js';
import { clients, type Load } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable } from '../report.js';
import { inTurns } from '../rounds.js';
import { type Server, startBarePushes } from '../servers.js';
import { compared, start } from './blobs.js';

const CLIENTS = 8;

/**
 * Small images (three blobs and a manifest), many tags on one manifest, and mounts, by eight clients; beside them what bare
 * node:http needs to take, hash and flush the same bytes.
 */
export async function smallPushes(flags: Flags): Promise<void> {
  const servers = await start(['distribution', 'docker-registry', 'olareg']);
  servers.push(await startBarePushes());
  const count = flags.count || 160;
  try {
    const loads: Record<string, () => Promise<Load>> = {};
    for (const server of servers) {
      const image = await pushImage(server, 'bench/tags', 'first');
      let round = 0;
      loads[`${server.name}|small images`] = () =>
        clients(server.pid, CLIENTS, count, (at) => smallImage(server, at, pushBlob));
      if (server.name !== 'node:http')
        loads[`${server.name}|small images, blobs by PATCH`] = () =>
          clients(server.pid, CLIENTS, count, (at) => smallImage(server, at, pushBlobAsChunk));
      loads[`${server.name}|500 tags on one manifest`] = () => {
        round += 1;
        const tag = (at: number) => `tag-${round}-${at}`;
        return clients(server.pid, CLIENTS, 500, (at) => putManifest(server, 'bench/tags', tag(at), image));
      };
      loads[`${server.name}|mounts`] = () => mounts(server, count);
    }
    printTable('Small pushes, 8 clients', 'pieces/s', compared(await inTurns(flags.rounds, loads)));
  } finally {
    for (const each of servers) await each.stop();
  }
}

async function smallImage(server: Server, at: number, push: typeof pushBlob): Promise<void> {
  const name = `bench/image${at % CLIENTS}`;
  const blobs = [someBlob(500), someBlob(10_000), someBlob(20_000)];
  for (const each of blobs) await push(server, name, each);
  await putManifest(server, name, `v${at}`, imageOf(blobs));
}

let mounted = 0;

async function mounts(server: Server, count: number): Promise<Load> {
  const blobs = Array.from({ length: count }, () => someBlob(100));
  for (const each of blobs) await pushBlob(server, 'bench/from', each);
  mounted += 1;
  return clients(server.pid, CLIENTS, count, async (at) => {
    const path = `/v2/bench/to${mounted}/blobs/uploads/?mount=${blobs[at]!.digest}&from=bench/from`;
    await call(server, 'POST', path, [201]);
  });
}
