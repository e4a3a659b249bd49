// Images that are signed in an OCI image layout, with a Hallmark as the registry. buildx is replaced by buildah.
// Layouts of other producers (002-3), the same bytes after an import (002-14) and the export under notation (002-16) are
// also in test/oci-layout: clients-archives.spec.ts, round-trip.spec.ts and clients-referrers.spec.ts.
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findClient } from '../../scripts/clients.mjs';
import { type Json, PASSWORD, startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { notationPolicy, openStage, type Stage } from './stage.js';

const NAME = 'wabbit-networks.io';
const clients = needing('notation', 'oras', 'buildah', 'podman');
const account = { HALLMARK_PASSWORD: PASSWORD, HALLMARK_USER: 'admin' };

describe.skipIf(clients.skip)(`images signed in a layout${clients.note}`, () => {
  let hallmark: Standalone;
  let stage: Stage;
  let registry: string;
  let signature: string;

  beforeAll(async () => {
    stage = await openStage({ notation: 'notation', oras: 'oras' }, { BUILDAH_ISOLATION: 'chroot' });
    hallmark = await startStandalone({ HALLMARK_ANONYMOUS_PUSH: 'true' });
    registry = `localhost:${hallmark.host.split(':')[1]!}`;
    const store = `--root '${stage.folder}/podman-store' --runroot '${stage.folder}/podman-run' --storage-driver vfs`;
    await stage.write('bin/buildah', `#!/bin/sh\nexec '${findClient('buildah')}' ${store} "$@"\n`);
    await stage.sh(
      `chmod +x ../bin/buildah; echo base > base; tar -cf base.tar base; podman import -q base.tar alpine`,
    );
  });
  afterAll(async () => {
    await hallmark?.stop();
    await stage?.close();
  });

  const trust = (...scopes: string[]) =>
    stage.write('home/.config/notation/trustpolicy.json', notationPolicy(scopes, NAME));
  const index = async (folder: string) =>
    JSON.parse((await stage.read(`work/${folder}/index.json`)).toString()) as { manifests: Json[] };
  const nameOf = (entry: Json) => entry['annotations']?.['org.opencontainers.image.ref.name'] as string | undefined;
  const versionOf = async (name: string) =>
    ((await hallmark.call('GET', `repositories/?name=${name}`)).body['results'] as unknown as Json[])[0]![
      'latest_version_href'
    ] as string;

  it('002-1 a build (buildah in place of buildx) writes a tar with the layout at its root', async () => {
    await stage.write('work/Dockerfile', "FROM alpine\nCMD echo 'hello world!'\n");
    await stage.sh(`buildah bud --pull-never -f Dockerfile -t hello-world:v1 .
      buildah push hello-world:v1 oci-archive:hello-world.tar:v1`);
    expect((await stage.sh('tar -tf hello-world.tar')).split('\n')).toEqual(
      expect.arrayContaining(['index.json', 'oci-layout']),
    );
  });

  it('002-2 unpacked it is a layout directory', async () => {
    await stage.sh('mkdir hello-world; tar -xf ./hello-world.tar -C hello-world');
    expect((await index('hello-world')).manifests.map(nameOf)).toEqual(['v1']);
  });

  it('002-3 the tar is imported, also with an index and attestations as buildx writes it', async () => {
    expect(await hallmark.hallmark(['import', 'built', stage.path('work/hello-world.tar')], account)).toMatchObject({
      code: 0,
    });
    const tags = await fetch(`${hallmark.url}/v2/built/tags/list`);
    expect(await tags.json()).toMatchObject({ tags: ['v1'] });
    await likeBuildx();
    const said = await hallmark.hallmark(['import', 'buildx', stage.path('work/buildx.tar'), '--json'], account);
    expect(said).toMatchObject({ code: 0 });
    const summary = (await hallmark.call('GET', await versionOf('buildx'))).body['content_summary']!['present'];
    expect(summary).toMatchObject({ 'container.manifest': { count: 3 }, 'container.tag': { count: 1 } });
  });

  /** The layout again, its image in an index beside an attestation, named as containerd names it. */
  async function likeBuildx(): Promise<void> {
    const { sha } = await import('../registry/registry-process.js');
    await stage.sh('cp -r hello-world buildx');
    const put = async (text: string, mediaType: string) => {
      await writeFile(stage.path(`work/buildx/blobs/sha256/${sha(text).slice(7)}`), text);
      return { mediaType, digest: sha(text), size: text.length };
    };
    const [image] = (await index('hello-world')).manifests;
    const { annotations: _named, ...plain } = image as unknown as { annotations: object };
    const manifest = 'application/vnd.oci.image.manifest.v1+json';
    const config = await put('{"architecture":"unknown","os":"unknown"}', 'application/vnd.oci.image.config.v1+json');
    const layers = [await put('{"predicateType":"https://slsa.dev/provenance/v0.2"}', 'application/vnd.in-toto+json')];
    const statement = await put(JSON.stringify({ schemaVersion: 2, mediaType: manifest, config, layers }), manifest);
    const type = 'application/vnd.oci.image.index.v1+json';
    const attestation = {
      ...statement,
      platform: { architecture: 'unknown', os: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': image!['digest'],
      },
    };
    const list = await put(
      JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [plain, attestation] }),
      type,
    );
    const annotations = {
      'io.containerd.image.name': 'docker.io/library/hello-world:v1',
      'org.opencontainers.image.ref.name': 'v1',
    };
    await stage.write('work/buildx/index.json', { schemaVersion: 2, manifests: [{ ...list, annotations }] });
    await stage.sh('tar -cf buildx.tar -C buildx .');
  }

  it('002-4 oras copies an image out of the registry into a layout; without a tag it has no name there', async () => {
    await stage.sh(`oras cp --from-oci-layout hello-world:v1 ${registry}/hello-world:v1
      oras cp ${registry}/hello-world:v1 --to-oci-layout ./nameless
      oras cp ${registry}/hello-world:v1 --to-oci-layout ./named:v1`);
    expect((await index('nameless')).manifests.map(nameOf)).toEqual([undefined]);
    expect((await index('named')).manifests.map(nameOf)).toEqual(['v1']);
    expect((await index('named')).manifests[0]!['digest']).toBe((await index('hello-world')).manifests[0]!['digest']);
  });

  it('002-6 notation makes a test key and trusts its certificate', async () => {
    const said = await stage.sh(`notation cert generate-test ${NAME} --default; notation key list; notation cert list`);
    expect(said).toMatch(new RegExp(`\\* ${NAME}`));
    expect(said).toMatch(new RegExp(`ca +${NAME}`));
  });

  it('002-7 notation signs in the layout', async () => {
    expect(await stage.sh('notation sign --oci-layout ./hello-world:v1')).toContain('Successfully signed');
    expect((await index('hello-world')).manifests.map(nameOf)).toEqual(['v1', undefined]);
  });

  it('002-8 notation lists the signature', async () => {
    const said = await stage.sh('notation list --oci-layout ./hello-world:v1');
    expect(said).toMatch(/^\.\/hello-world@sha256:[0-9a-f]{64}$/m);
    expect(said).toContain('application/vnd.cncf.notary.signature');
    signature = /─ (sha256:[0-9a-f]{64})/.exec(said)![1]!;
  });

  it('002-9 notation verifies under a local scope, as an experiment and with a scope only', async () => {
    await trust('local/hello-world');
    const verify = 'notation verify --oci-layout ./hello-world:v1';
    expect(await stage.sh(`${verify} --scope "local/hello-world"`)).toContain('Successfully verified');
    const tame = await stage.attempt(`NOTATION_EXPERIMENTAL= ${verify} --scope "local/hello-world"`);
    expect([tame.code, tame.stderr]).toEqual([1, expect.stringContaining('experimental')]);
    expect(await stage.attempt(verify)).not.toMatchObject({ code: 0 });
  });

  it('002-10 and under the scope of the registry', async () => {
    await trust(`${registry}/hello-world`);
    const verify = `notation verify --oci-layout ./hello-world:v1 --scope "${registry}/hello-world"`;
    expect(await stage.sh(verify)).toContain('Successfully verified');
  });

  it('002-15 pushed without -r the image has no signature', async () => {
    await stage.sh(`oras cp ./hello-world:v1 --from-oci-layout ${registry}/alone:v1`);
    expect(await stage.sh(`notation list ${registry}/alone:v1`)).not.toContain(signature);
    await trust('*');
    const refused = await stage.attempt(`notation verify ${registry}/alone:v1`);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('no signature is associated with');
  });

  it('002-11 pushed with -r image and signature are in the registry', async () => {
    const said = await stage.sh(`oras cp ./hello-world:v1 --from-oci-layout -r ${registry}/hello-world:v1`);
    expect(said).toContain(`[registry] ${registry}/hello-world:v1`);
    const { body } = await hallmark.call('GET', await versionOf('hello-world'));
    expect(body['content_summary']!['present']).toMatchObject({ 'container.signature': { count: 1 } });
  });

  it('002-12 notation lists the same signature from the registry', async () => {
    expect(await stage.sh(`notation list ${registry}/hello-world:v1`)).toContain(signature);
  });

  it('002-13 notation verifies from the registry', async () => {
    await trust(`${registry}/hello-world`);
    expect(await stage.sh(`notation verify ${registry}/hello-world:v1`)).toContain('Successfully verified');
  });

  it('002-5 oras -r copies the signature out again', async () => {
    await stage.sh(`oras cp -r ${registry}/hello-world:v1 --to-oci-layout ./both:v1`);
    const entries = (await index('both')).manifests;
    expect(entries.map(nameOf).sort()).toEqual(['v1', undefined]);
    expect(entries.map((entry) => entry['digest'])).toContain(signature);
  });

  it('002-14 the layout imported as a tar is listed and verified the same', async () => {
    await stage.sh('tar -cf signed.tar hello-world');
    expect(await hallmark.hallmark(['import', 'imported', stage.path('work/signed.tar')], account)).toMatchObject({
      code: 0,
    });
    await trust('*');
    expect(await stage.sh(`notation list ${registry}/imported:v1`)).toContain(signature);
    expect(await stage.sh(`notation verify ${registry}/imported:v1`)).toContain('Successfully verified');
  });

  it('002-16 an export of the server is verified as a layout', async () => {
    const file = stage.path('work/exported.tar');
    expect(await hallmark.hallmark(['export', 'hello-world', file], account)).toMatchObject({ code: 0 });
    await trust('local/exported');
    const verify = 'notation verify --oci-layout exported:v1 --scope local/exported';
    expect(await stage.sh(`mkdir exported; tar -xf exported.tar -C exported; ${verify}`)).toContain(
      'Successfully verified',
    );
  });

  it('002-17 the server chooses the statement of the same policy by the scope, with the same outcome', async () => {
    const root = await stage.sh(`cat "$XDG_CONFIG_HOME/notation/truststore/x509/ca/${NAME}/${NAME}.crt"`);
    const statements = [
      ...notationPolicy(['local/hello-world'], NAME).trustPolicies,
      ...notationPolicy([`${registry}/hello-world`], 'other').trustPolicies.map((each) => ({
        ...each,
        name: 'registry',
      })),
    ];
    const judge = async (scope: string) => {
      const trusted = {
        trust_stores: { [`ca:${NAME}`]: [root], 'ca:other': [] },
        notation_trust_policy: { version: '1.0', trustPolicies: statements },
        scope,
      };
      const body = { reference: `${hallmark.host}/hello-world:v1`, trust: trusted };
      return (await hallmark.call('POST', 'verify/', body)).body;
    };
    expect(await judge('local/hello-world')).toMatchObject({
      verified: true,
      signatures: [{ policy: { statement: 'acceptance' } }],
    });
    expect(await judge(`${registry}/hello-world`)).toMatchObject({
      verified: false,
      signatures: [{ policy: { statement: 'registry' } }],
    });
    const verify = (scope: string) => stage.attempt(`notation verify --oci-layout ./hello-world:v1 --scope "${scope}"`);
    await stage.write('home/.config/notation/trustpolicy.json', { version: '1.0', trustPolicies: statements });
    expect(await verify('local/hello-world')).toMatchObject({ code: 0 });
    expect(await verify(`${registry}/hello-world`)).not.toMatchObject({ code: 0 });
  });
});
