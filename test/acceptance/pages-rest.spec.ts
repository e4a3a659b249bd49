// The commands of the pages about mirrors and access, typed as they stand there: hosts and passwords are replaced.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonClientsReady, VENV_BIN } from '../api/python-clients.js';
import { type Json, PASSWORD } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { blocksOf, openReader, type Reader } from './pages.js';

const clients = needing('podman', 'skopeo', 'gpg', 'curl', 'jq');
const ANN = 'a password of ann';

describe.skipIf(clients.skip)(`the commands of the pages about REST${clients.note}`, () => {
  let reader: Reader;
  let host: string;

  beforeAll(async () => {
    reader = await openReader({ pulp: join(VENV_BIN, 'pulp') });
    host = reader.hallmark.host;
    const login = `podman login --tls-verify=false -u admin -p '${PASSWORD}' ${host}`;
    await reader.stage.sh(`${login}; podman push -q --tls-verify=false localhost/app ${host}/demo/app:1.0`);
  });
  afterAll(() => reader?.close());

  /** Types a block after some lines of one's own. */
  const type = (block: string, before = '', ...changes: readonly (readonly [string, string])[]) => {
    const all = [
      ['https://registry.example.com', `http://${host}`],
      ['curl -u admin ', `curl -sS --fail-with-body -u 'admin:${PASSWORD}' `],
      ['curl -u ann ', `curl -sS --fail-with-body -u 'ann:${ANN}' `],
      ...changes,
    ] as const;
    const typed = all.reduce((text, [from, to]) => text.replaceAll(from, to), block);
    return reader.stage.sh(`export HALLMARK_PASSWORD='${PASSWORD}' H=http://${host}\n${before}\n${typed}`);
  };
  const hrefOf = async (list: string) =>
    ((await reader.hallmark.call('GET', list)).body['results'] as unknown as Json[])[0]!['pulp_href'] as string;

  it('docs/sync.md', async () => {
    const [mirror, serve, sign, ...more] = await blocksOf('docs/sync.md', 'sh');
    expect(more).toEqual([]);
    const upstream = [
      ['https://registry.example.org', `http://${host}`],
      ['"upstream_name": "library/busybox"', '"upstream_name": "demo/app"'],
    ] as const;
    expect(await type(mirror!, '', ...upstream)).toContain('Took 1 tags; signatures: none.');
    const repository = await hrefOf('repositories/container/container/?name=busybox');
    await type(serve!, '', ['/pulp/api/v3/repositories/container/container/…/', repository]);
    const script = `"$PWD/scripts/signing/simple-skopeo.sh"`;
    const said = await type(sign!, `npx hallmark add-signing-service release ${script} ${reader.key}`);
    expect(said).toContain('1 signed');
    await reader.stage.sh(`podman pull -q --tls-verify=false ${host}/library/busybox:1.0`);
  });

  it.skipIf(!pythonClientsReady())('docs/access.md', async () => {
    const [users, roles, guards, robots, ...more] = await blocksOf('docs/access.md', 'sh');
    expect(more).toEqual([]);
    const config = `pulp config create --base-url $H --username admin --password '${PASSWORD}'`;
    await type(users!, config, [`'…'`, `'${ANN}'`]);
    const made = await reader.hallmark.call('POST', 'repositories/container/container/', { name: 'web' });
    const said = await type(roles!, `REPOSITORY=${made.body['pulp_href']}`);
    expect(said).toMatch(/container\.view_containerrepository"\]\}$/);
    const distribution = await hrefOf('distributions/container/container/?base_path=demo/app');
    const [create, assign, patch] = guards!.split(/^(?=pulp .* assign|curl )/m);
    await type(create!);
    await type(assign!, 'pulp group create --name buyers');
    await type(patch!, `GUARD=${await hrefOf('contentguards/core/rbac/')} DISTRIBUTION=${distribution}`);
    const [robot, login] = robots!.split(/^(?=podman )/m);
    const { secret } = JSON.parse(await type(robot!)) as { secret: string };
    const plain = ['podman login', 'podman login --tls-verify=false'] as const;
    expect(await type(login!, '', plain, ['hmk_…', secret], ['127.0.0.1:24817', host])).toContain('Login Succeeded');
    const push = 'podman push -q --remove-signatures --tls-verify=false localhost/app';
    await reader.stage.sh(`${push} ${host}/team/app:1.0`);
    const elsewhere = await reader.stage.attempt(`${push} ${host}/other/app:1.0`);
    expect(elsewhere).toMatchObject({ code: 125, stderr: expect.stringContaining('denied') });
  });
});
