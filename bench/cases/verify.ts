import { formatOf } from '#signing/formats/all.js';
import { readTrust } from '#signing/verify/read-trust.js';
import { verifyManifest } from '#signing/verify/verify-manifest.js';
import { imageOf, someBlob } from '../content.js';
import type { Flags } from '../main.js';
import { best, type Load } from '../measure.js';
import { printTable, type Row } from '../report.js';
import { type BenchSigner, benchSigners } from '../signers.js';

const REFERENCE = 'registry.example.org/bench/app:1.0';

/** Verifies many signatures of every family in this process, each of another manifest; rates are for one core. */
export async function verify(flags: Flags): Promise<void> {
  const count = flags.count || 1000;
  const rows: Row[] = [];
  for (const signer of await benchSigners()) {
    const signed = await sign(signer, count);
    const loads: Load[] = [];
    for (let round = 0; round < flags.rounds; round += 1) loads.push(await judge(signer, signed));
    rows.push({ what: `${count} signatures, ${signer.what}`, server: 'one core', load: best(loads) });
  }
  printTable('Verification', 'signatures/s', rows);
}

type Signed = Awaited<ReturnType<typeof sign>>;

async function sign({ format, source }: BenchSigner, count: number) {
  const signer = await formatOf(format).openSigner(source);
  const blobs = [someBlob(100), someBlob(1000)];
  const now = new Date();
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const manifest = imageOf(blobs, {}, at + 1);
      return { manifest, bytes: await signer.sign(manifest, REFERENCE, now) };
    }),
  );
}

/** Rate for each second of CPU: what one core does when nobody else wants it. */
async function judge({ format, trust, what }: BenchSigner, signed: Signed): Promise<Load> {
  const material = readTrust(trust);
  const before = process.cpuUsage();
  for (const { manifest, bytes } of signed) {
    const given = [{ format, bytes, digest: manifest.digest }];
    if (!(await verifyManifest(manifest, given, REFERENCE, material)).verified)
      throw new Error(`A signature of ${what} is not verified.`);
  }
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / signed.length;
  return { rate: 1e6 / cpu, cpu };
}
