import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findClient } from '../../scripts/clients.mjs';
import { needing } from '../real-clients.js';
import { type Client, OPERATIONS } from './client-bench.js';
import { clientCases } from './client-cases.js';
import { createHome, writeLayout } from './client-tools.js';
import type { Daemon } from './container-daemons.js';
import { startRecordingProxy } from './recording-proxy.js';
import { startRegistry } from './registry-process.js';

const DOCUMENT = join(import.meta.dirname, '../../docs/clients.md');
/** Clients that ran here, and what each was seen to do. */
const tried = new Set<string>();
const proven = new Set<string>();

// The cases are listed before anything runs, so that what they need is made here.
let port = 0;
const proxy = await startRecordingProxy(() => port);
const registry = await startRegistry({ HALLMARK_PUBLIC_URL: `http://${proxy.host}` });
({ port } = registry);
const home = await createHome(proxy.host);
const layout = join(home.folder, 'layout');
const multi = join(home.folder, 'multi');
const rsa = { publicKey: join(home.folder, 'rsa.pub'), privateKey: join(home.folder, 'rsa.pem') };
const gpg = { name: 'clients@example.com', policy: join(home.folder, 'signed-by.json') };
const clients = clientCases({
  home,
  host: proxy.host,
  layout,
  digest: await writeLayout(layout, 'v1', 'hello from every client'),
  multi: { layout: multi, digest: await writeLayout(multi, 'v1', 'hello from many', ['amd64', 'arm64']) },
  rsa,
  gpg,
});
beforeAll(async () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(rsa.publicKey, pair.publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(rsa.privateKey, pair.privateKey.export({ type: 'pkcs1', format: 'pem' }));
  if (findClient('gpg')) await makeGpgKey();
  if (findClient('notation')) await trustNotation();
});
afterAll(async () => {
  await home.remove();
  await proxy.close();
  await registry.close();
});

/** A key in the ring of the home and a policy that asks for it. */
async function makeGpgKey(): Promise<void> {
  await mkdir(join(home.folder, '.gnupg'), { mode: 0o700 });
  await home.run('gpg', '--batch', '--passphrase', '', '--quick-generate-key', gpg.name, 'rsa2048', 'sign', 'never');
  const keyPath = join(home.folder, 'clients.asc');
  await writeFile(keyPath, await home.run('gpg', '--batch', '--armor', '--export', gpg.name));
  const signed = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath, signedIdentity: { type: 'matchRepository' } }];
  const transports = { docker: { [proxy.host]: signed } };
  await writeFile(gpg.policy, JSON.stringify({ default: [{ type: 'reject' }], transports }));
}

async function trustNotation(): Promise<void> {
  await home.run('notation', 'cert', 'generate-test', '--default', 'clients.test');
  const policy = {
    name: 'all',
    registryScopes: ['*'],
    signatureVerification: { level: 'strict' },
    trustStores: ['ca:clients.test'],
    trustedIdentities: ['*'],
  };
  const path = join(home.folder, '.config/notation/trustpolicy.json');
  await writeFile(path, JSON.stringify({ version: '1.0', trustPolicies: [policy] }));
}

/** Whether to leave a client out, and why. Daemons run as root alone, and no gate asks for them. */
function absence({ programs, daemon }: Client): { readonly skip: boolean; readonly note: string } {
  if (!daemon) return needing(...programs);
  const skip = process.getuid?.() !== 0 || !programs.every(findClient);
  return { skip, note: skip ? ` (needs root and ${programs.join(', ')})` : '' };
}

for (const [client, row] of Object.entries(clients)) {
  const { skip, note } = absence(row);
  describe.skipIf(skip)(`${client}${note}`, () => {
    let daemon: Daemon | undefined;
    beforeAll(async () => {
      daemon = await row.daemon?.(home);
    });
    afterAll(() => daemon?.stop());

    it.for(OPERATIONS.filter((operation) => row.cases[operation]))('can %s', async (operation, context) => {
      if (row.daemon && !daemon) return context.skip(`${row.programs.at(-1)} does not run on this machine`);
      tried.add(client);
      proxy.take();
      await row.cases[operation]!();
      const seen = proxy.take();
      expect(seen.filter((each) => each.status >= 500)).toEqual([]);
      if (operation === 'mount')
        expect(seen.filter((each) => each.url.includes('mount=')).map((each) => each.status)).toContain(201);
      if (operation === 'delete')
        expect(seen.filter((each) => each.method === 'DELETE').map((each) => each.status)).toContain(202);
      proven.add(`${client} ${operation}`);
    });
  });
}

it('the table in the documentation says what was proven', () => {
  const document = readFileSync(DOCUMENT, 'utf8');
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  // What could not be tried here is left as it was seen elsewhere.
  const kept = (client: string) => squeezed(document).match(new RegExp(`^\\| ${client} \\|.*$`, 'm'))?.[0] ?? '';
  const cells = (client: string) => OPERATIONS.map((each) => (proven.has(`${client} ${each}`) ? 'yes' : ''));
  const rows = Object.keys(clients).map((client) =>
    tried.has(client) ? line([client, ...cells(client)]) : kept(client),
  );
  const table = [line(['client', ...OPERATIONS]), line(['---', ...OPERATIONS.map(() => ':-:')]), ...rows];
  const text = `${HEAD}\n${table.join('\n')}\n${FOOT}`;
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(DOCUMENT, text);
  expect(squeezed(readFileSync(DOCUMENT, 'utf8'))).toBe(squeezed(text));
});

/** Formatters pad the cells of tables. */
const squeezed = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/:?-+:?/g, '-');

const HEAD = `# Clients

What each client was seen to do with the registry, by \`test/registry/client-matrix.spec.ts\`, which runs the real programs
over plain HTTP with an account and writes this table (\`UPDATE_DOCS=1\`). An empty cell: the client has no such operation,
or it was not tried.
`;
const FOOT = `
- _mount_: the client asked for a blob of another repository and got it without sending the bytes.
- _rewrite_: a changed image was made of one in the registry, without a container store in between.
- _multi-arch_: an index of several platforms was pushed, with its digest kept where the client can, and read again.
- _zstd_ and _encrypt_: layers in zstd (podman: zstd:chunked), and layers encrypted for an RSA key, which nobody reads
  without it.
- _attach_: the artifact was found again by the client's own listing or verification.
- _sign_ and _verify_: simple signatures by podman, buildah and skopeo through the registry's signature extension; Notary
  signatures in both envelope formats by notation; key pairs without a transparency log by cosign; provenance files by
  helm.
- _copy_: cosign 3 copies no signatures that are attached as referrers, from whichever registry.
- _docker_ and _containerd_ (ctr) are tried with daemons of their own, which only root can start; the rows of curl show
  their requests everywhere.
`;
