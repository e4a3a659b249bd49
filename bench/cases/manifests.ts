import { get, type IncomingMessage } from 'node:http';
import { call, MANIFEST, pushImage } from '../content.js';
import { headLoad } from '../head-load.js';
import { type Load, wrk, type WrkOptions } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable, type Row, times } from '../report.js';
import { inTurns } from '../rounds.js';
import { type PeerName, type Server, startBare, startHallmark, startPeer } from '../servers.js';

const NAME = 'bench/app';
/** Without it some registries hide manifests of newer types. */
const ACCEPT = { Accept: MANIFEST };

/** Manifest GET, HEAD and 304 by tag and digest, as nobody, with a token and with Basic. */
export async function manifests(flags: Flags): Promise<void> {
  const hallmark = await startHallmark();
  const running: Server[] = [hallmark];
  try {
    const image = await pushImage(hallmark, NAME, 'latest', 1500);
    const bare = await startBare(await flatHeaders(hallmark, `/v2/${NAME}/manifests/latest`), image.bytes);
    running.push(bare);
    const byTag = `/v2/${NAME}/manifests/latest`;
    const byDigest = `/v2/${NAME}/manifests/${image.digest}`;
    const { options, paths } = await variants(hallmark, byTag, byDigest, image.digest);
    const loads: Record<string, () => Promise<Load>> = {};
    for (const [what, each] of Object.entries(options)) {
      const path = paths[what] ?? byTag;
      loads[`bare ${what}`] = () =>
        wrk(bare.pid, bare.url + path, { seconds: flags.seconds, ...each, headers: { ...ACCEPT, ...each.headers } });
      loads[`hallmark ${what}`] = () =>
        wrk(hallmark.pid, hallmark.url + path, {
          seconds: flags.seconds,
          ...each,
          headers: { ...ACCEPT, ...each.headers },
        });
    }
    for (const server of [bare, hallmark])
      loads[`${server === bare ? 'bare' : 'hallmark'} HEAD`] = () =>
        headLoad(server.pid, server.url + byTag, { seconds: flags.seconds, headers: ACCEPT });
    for (const name of ['distribution', 'docker-registry', 'olareg'] as PeerName[]) {
      const peer = await startPeer(name);
      if (!peer) continue;
      running.push(peer);
      await pushImage(peer, NAME, 'latest', 1500);
      loads[`${name} GET by tag`] = () => wrk(peer.pid, peer.url + byTag, { seconds: flags.seconds, headers: ACCEPT });
    }
    print(await inTurns(flags.rounds, loads));
  } finally {
    for (const each of running) await each.stop();
  }
}

/** The headers of an answer but for those that node:http adds, as they are on the wire. */
export async function flatHeaders(server: Server, path: string): Promise<string[]> {
  const { rawHeaders } = await new Promise<IncomingMessage>((done, fail) => {
    get(server.url + path, (answer) => done(answer.resume())).on('error', fail);
  });
  const own = new Set(['date', 'connection', 'keep-alive']);
  return rawHeaders.filter((_, at) => !own.has(rawHeaders[at - (at % 2)]!.toLowerCase()));
}

async function variants(server: Server, byTag: string, byDigest: string, digest: string) {
  const scope = `service=${new URL(server.url).host}&scope=repository:${NAME}:pull`;
  const { token } = JSON.parse((await call(server, 'GET', `/token/?${scope}`, [200])).body) as { token: string };
  const options: Record<string, WrkOptions> = {
    'GET by tag': {},
    'GET by digest': {},
    'GET by tag, bearer': { headers: { Authorization: `Bearer ${token}` } },
    'GET by tag, Basic': { headers: { Authorization: server.headers['authorization']! } },
    304: { headers: { 'If-None-Match': `"${digest}"` } },
  };
  return { options, paths: { 'GET by digest': byDigest } as Record<string, string> };
}

function print(results: Readonly<Record<string, Load>>): void {
  const rows: Row[] = [];
  for (const [key, load] of Object.entries(results)) {
    const [server, ...words] = key.split(' ') as [string, ...string[]];
    const what = words.join(' ');
    const bare = results[`bare ${what}`];
    const ratios = server === 'hallmark' && bare ? [times(load, bare, 'node:http')] : [];
    const get = results['hallmark GET by tag'];
    if (server !== 'hallmark' && server !== 'bare' && get) ratios.push(`hallmark is ${times(get, load, 'this')}`);
    rows.push({ what, server: server === 'bare' ? 'node:http' : server, load, ratios });
  }
  printTable('Manifests, 32 connections', 'requests/s', rows);
}
