// Signing of mirrored images, typed as the documentation of Pulp has it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, PASSWORD } from '../main-path/standalone-process.js';
import { SCRIPT } from '../main-path/workshop.js';
import { needing } from '../real-clients.js';
import { api, openSigningStage, results, SIGNING_CLIENTS, type SigningStage } from './signing-stage.js';

const clients = needing(...SIGNING_CLIENTS);
const INDEX = 'application/vnd.oci.image.index.v1+json';

describe.skipIf(clients.skip)(`signing of mirrors as the documentation has it${clients.note}`, () => {
  let on: SigningStage;
  let service: string;
  let synced: string;

  beforeAll(async () => {
    on = await openSigningStage();
    expect(await on.add('signing-service-test', await on.script('bash-script.sh', SCRIPT), on.key)).toMatchObject({
      code: 0,
    });
    const [row] = results(await on.http('GET URL/pulp/api/v3/signing-services/'));
    service = row!['pulp_href'] as string;
  });
  afterAll(() => on?.close());

  async function mirror(upstream: string, name: string): Promise<string> {
    const fields = `name=${name} url=${on.hallmark.url} upstream_name=${upstream} policy=immediate username=admin password='${PASSWORD}'`;
    const remote = await on.http(`URL/pulp/api/v3/remotes/container/container/ ${fields}`);
    const made = await on.http(`URL/pulp/api/v3/repositories/container/container/ name=${name}`);
    const href = made['pulp_href'] as string;
    const ended = await on.finished(await on.http(`${api(`${href}sync/`)} remote=${remote['pulp_href'] as string}`));
    expect(ended).toMatchObject({ state: 'completed', error: null });
    return href;
  }

  it('003-11 5 mirrored manifests with 2 tags get 4 signatures, and all manifests stay', async () => {
    const listed = [];
    for (const layers of [1, 1, 1]) listed.push(await on.pushImage('upstream/busybox', layers));
    const platforms = ['amd64', 'arm64', 's390x'].map((architecture) => ({ os: 'linux', architecture }));
    const manifests = listed.map((each, at) => ({ ...each, platform: platforms[at] }));
    await on.pushManifest('upstream/busybox', { schemaVersion: 2, mediaType: INDEX, manifests }, 'latest');
    await on.pushImage('upstream/busybox', 2, 'plain');
    synced = await mirror('upstream/busybox', 'busybox');
    const before = await on.latest(synced);
    expect(before['content_summary']!['present']).toMatchObject({
      'container.blob': { count: 9 },
      'container.manifest': { count: 5 },
      'container.tag': { count: 2 },
    });
    const started = await on.http(
      `${api(`${synced}sign/`)} manifest_signing_service=${service} future_base_path=library/busybox`,
    );
    expect(await on.finished(started)).toMatchObject({
      state: 'completed',
      created_resources: [`${synced}versions/2/`],
    });
    const { added, present, removed } = (await on.latest(synced))['content_summary'] as unknown as Record<
      string,
      object
    >;
    expect(added).toEqual({
      'container.signature': {
        count: 4,
        href: `/pulp/api/v3/content/container/signatures/?repository_version_added=${synced}versions/2/`,
      },
    });
    expect(present).toMatchObject({
      'container.blob': { count: 9 },
      'container.manifest': { count: 5 },
      'container.signature': { count: 4 },
      'container.tag': { count: 2 },
    });
    expect(removed).toEqual({});
  });

  it('003-12 a mirror that is not served anywhere needs the future path; one that is served takes its own', async () => {
    const sign = `${api(`${synced}sign/`)} manifest_signing_service=${service}`;
    const missingPath = await on.refused(sign);
    expect([missingPath.code, missingPath.body['future_base_path']]).toEqual([4, expect.anything()]);
    const distribution = `name=busybox base_path=library/busybox repository=${synced}`;
    await on.finished(await on.http(`URL/pulp/api/v3/distributions/container/container/ ${distribution}`));
    for (const words of [sign, `${sign} future_base_path=library/busybox`])
      expect(await on.finished(await on.http(words))).toMatchObject({ state: 'completed' });
  });

  it('003-13 the payload names host, path and tag', async () => {
    for (const row of await on.signaturesOf(await on.latest(synced))) {
      const manifest = await on.http(`GET ${api(row['signed_manifest'] as string)}`);
      const url = `${on.hallmark.url}/extensions/v2/library/busybox/signatures/${manifest['digest'] as string}`;
      const payload = await on.stage.sh(
        `http GET ${url} | jq -r '.signatures[0].content' | base64 -d | gpg -d 2>/dev/null`,
      );
      const { critical } = JSON.parse(payload) as Json;
      expect(critical!['image']!['docker-manifest-digest']).toBe(manifest['digest']);
      expect(critical!['identity']!['docker-reference']).toMatch(
        new RegExp(`^${on.hallmark.host}/library/busybox:(latest|plain)$`),
      );
    }
  });

  it('003-14 signatures that were mirrored stay beside new ones', async () => {
    const href = await mirror('library/busybox', 'again');
    expect(await on.signaturesOf(await on.latest(href))).toHaveLength(4);
    const started = await on.http(`${api(`${href}sign/`)} manifest_signing_service=${service} future_base_path=again`);
    expect(await on.finished(started)).toMatchObject({ state: 'completed' });
    expect(await on.signaturesOf(await on.latest(href))).toHaveLength(8);
  });

  it('003-15 only the tags of tags_list are signed, and an unknown one is refused', async () => {
    const href = await mirror('upstream/busybox', 'some');
    const sign = `${api(`${href}sign/`)} manifest_signing_service=${service} future_base_path=some`;
    expect((await on.refused(`${sign} tags_list:='["nothing"]'`)).code).toBe(4);
    expect(await on.finished(await on.http(`${sign} tags_list:='["plain"]'`))).toMatchObject({ state: 'completed' });
    expect(await on.signaturesOf(await on.latest(href))).toHaveLength(1);
  });

  it('003-16 lists themselves are signed only when that is asked for', async () => {
    const list = (await on.call('GET', '/v2/library/busybox/manifests/latest')).headers.get('docker-content-digest')!;
    const read = () => on.http(`GET URL/extensions/v2/library/busybox/signatures/${list}`);
    expect(await read()).toEqual({ signatures: [] });
    const sign = `${api(`${synced}sign/`)} manifest_signing_service=${service} sign_lists:=true`;
    expect(await on.finished(await on.http(sign))).toMatchObject({ state: 'completed' });
    expect((await read())['signatures']).toHaveLength(1);
  });
});
