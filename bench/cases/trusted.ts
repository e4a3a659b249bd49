import { call, MANIFEST, type Piece, pushImage } from '../content.js';
import { type Load, wrk } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable, type Row, times } from '../report.js';
import { finished, get, post } from '../rest.js';
import { inTurns } from '../rounds.js';
import { type Server, startHallmark, startPeer } from '../servers.js';
import { benchSigners } from '../signers.js';
import { addService, builtinService } from './signing.js';

const OPEN = 'bench/open';
const GATED = 'bench/gated';

/** Pulls of a signed image from a path with a trust policy, beside one without, and beside a registry that looks at nothing. */
export async function trusted(flags: Flags): Promise<void> {
  const hallmark = await startHallmark();
  const peer = await startPeer('distribution');
  try {
    await pushImage(hallmark, OPEN, 'v1', 1500);
    await gate(hallmark, await pushImage(hallmark, GATED, 'v1', 1500));
    if (peer) await pushImage(peer, OPEN, 'v1', 1500);
    const load = (server: Server, name: string) => () =>
      wrk(server.pid, `${server.url}/v2/${name}/manifests/v1`, {
        seconds: flags.seconds,
        headers: { Accept: MANIFEST },
      });
    const loads: Record<string, () => Promise<Load>> = { gated: load(hallmark, GATED), open: load(hallmark, OPEN) };
    if (peer) loads[peer.name] = load(peer, OPEN);
    printTable('A signed image, 32 connections', 'requests/s', rowsOf(await inTurns(flags.rounds, loads)));
  } finally {
    await hallmark.stop();
    await peer?.stop();
  }
}

/** Signs an image, and has its path serve only what that signer signed. */
async function gate(hallmark: Server, { digest }: Piece): Promise<void> {
  const signer = (await benchSigners()).find(({ format }) => format === 'cosign')!;
  await addService(hallmark, await builtinService(hallmark, signer));
  const [service] = await results(hallmark, 'signing-services/?name=bench');
  const [repository] = await results(hallmark, `repositories/container/container-push/?name=${GATED}`);
  const body = { manifest_signing_service: service };
  await finished(hallmark, (await post(hallmark, `${repository!}sign/`, body)).task);
  const { pulp_href: policy } = await post(hallmark, 'trust-policies/', { name: 'bench', trust: signer.trust });
  const [distribution] = await results(hallmark, `distributions/container/container/?base_path=${GATED}`);
  await call(hallmark, 'PATCH', distribution!, [200, 202], {
    body: JSON.stringify({ trust_policy: policy }),
    headers: { 'content-type': 'application/json' },
  });
  await call(hallmark, 'GET', `/v2/${GATED}/manifests/${digest}`, [200]);
}

async function results(server: Server, path: string): Promise<string[]> {
  return (await get<{ results: { pulp_href: string }[] }>(server, path)).results.map(({ pulp_href }) => pulp_href);
}

function rowsOf({ gated, ...others }: Readonly<Record<string, Load>>): Row[] {
  const rest = Object.entries(others).map(([server, load]) => ({
    what: server === 'open' ? 'without a policy' : 'by tag',
    server: server === 'open' ? 'hallmark' : server,
    load,
    ratios: [`with a policy it is ${times(gated!, load, 'this')}`],
  }));
  return [{ what: 'with a trust policy', server: 'hallmark', load: gated! }, ...rest];
}
