// Push, discover and pull of the prototype, typed as its document has it. docker is replayed by curl, nv2 by a stand-in.
// The views of the prototype are tested in detail in test/registry/prototype.spec.ts.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatOf } from '#signing/formats/all.js';
import { type Json, PASSWORD, startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { openStage, sha, type Stage } from './stage.js';

const TYPE = 'application/vnd.cncf.notary.v2';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';
const NAMES =
  'regIp regPort registry repo tag image reference manifestFile signatureFile manifestDigest signatureDigest artifactFile ' +
  'artifactMediaType artifactType configMediaType signatureFileSize manifestMediaType manifestFileSize artifactDigest ' +
  'configPutLocation retrievedSignatureFile';
const clients = needing('openssl', 'curl', 'jq');
describe.skipIf(clients.skip)(`the prototype, command by command${clients.note}`, () => {
  let hallmark: Standalone;
  let stage: Stage;

  beforeAll(async () => {
    const here = (name: string) => join(import.meta.dirname, name);
    stage = await openStage({ docker: here('docker-replay.sh'), nv2: here('nv2.mjs') });
    hallmark = await startStandalone({ HALLMARK_ANONYMOUS_PUSH: 'true' });
    await stage.write('work/variables', '');
  });
  afterAll(async () => {
    await hallmark?.stop();
    await stage?.close();
  });

  /** Types lines into one long session: variables stay. */
  const type = (...lines: string[]) =>
    stage.sh(
      `. ./variables\n${lines.join('\n')}\nfor name in ${NAMES}; do if [ -v $name ]; then declare -p $name; fi; done > variables`,
    );
  const value = async (name: string) => (await stage.sh(`. ./variables; printf %s "$${name}"`)).trim();
  const file = async (name: string) => stage.read(`work/${await value(name)}`);
  const links = async (reference: string, query = `?artifact-type=${TYPE}`) => {
    const answer = await fetch(`${hallmark.url}/v2/_ext/oci-artifacts/v1/busybox/manifests/${reference}/links${query}`);
    return { status: answer.status, body: (await answer.json()) as Json };
  };
  const put = (reference: string, type: string, body: string | Uint8Array, name = 'busybox') =>
    fetch(`${hallmark.url}/v2/${name}/manifests/${reference}`, {
      method: 'PUT',
      headers: { 'content-type': type },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });

  it('001-1 docker (replayed) pushes to a name of one part without credentials', async () => {
    const said = await type(
      `regIp="127.0.0.1" && \\`,
      `  regPort="${hallmark.host.split(':')[1]!}" && \\`,
      `  registry="$regIp:$regPort" && \\`,
      `  repo="busybox" && \\`,
      `  tag="latest" && \\`,
      `  image="$repo:$tag" && \\`,
      `  reference="$registry/$image"`,
      `docker pull $image && \\`,
      `  docker tag $image $reference && \\`,
      `  docker push $reference`,
    );
    expect(said).toMatch(/^latest: digest: sha256:[0-9a-f]{64} size: 527$/m);
  });

  it('001-2 openssl makes key and certificate', async () => {
    await type(
      'openssl req -x509 -sha256 -nodes -newkey rsa:2048 -days 365 -subj "/CN=$regIp/O=example inc/C=IN/ST=Haryana/L=Gurgaon" \\',
      '  -addext "subjectAltName=IP:$regIp" -keyout example.key -out example.crt',
    );
    expect((await stage.read('work/example.crt')).toString()).toContain('BEGIN CERTIFICATE');
  });

  it('001-3 docker (replayed) generates the manifest that was pushed', async () => {
    await type('manifestFile="manifest-to-sign.json" && \\', '  docker generate manifest $image > $manifestFile');
    const served = await fetch(`${hallmark.url}/v2/busybox/manifests/latest`);
    expect(Buffer.from(await served.arrayBuffer())).toEqual(await file('manifestFile'));
  });

  it('001-4 nv2 (a stand-in that writes its format) signs, as the built-in signer does', async () => {
    const said = await type(
      'signatureFile="manifest-signature.jwt" && \\',
      '  nv2 sign --method x509 \\',
      '    -k example.key \\',
      '    -c example.crt \\',
      '    -r $reference \\',
      '    -o $signatureFile \\',
      '    file:$manifestFile',
    );
    const bytes = await file('manifestFile');
    expect(said.trim()).toBe(sha(bytes));
    const read = async (name: string) => (await stage.read(`work/${name}`)).toString();
    const signer = await formatOf('nv2').openSigner({
      privateKey: await read('example.key'),
      certificates: await read('example.crt'),
    });
    const manifest = { mediaType: DOCKER, digest: sha(bytes), size: bytes.length, bytes };
    const ours = await signer.sign(manifest, await value('reference'), new Date());
    await stage.write('work/ours.jwt', Buffer.from(ours).toString());
    expect((await type('nv2 verify -f ours.jwt -c example.crt file:$manifestFile')).trim()).toBe(sha(bytes));
  });

  it('001-5 digests and sizes are those of the files', async () => {
    await type(
      'manifestDigest="sha256:$(sha256sum $manifestFile | cut -d " " -f 1)" && \\',
      '  signatureDigest="sha256:$(sha256sum $signatureFile | cut -d " " -f 1)"',
    );
    expect(await value('manifestDigest')).toBe(sha(await file('manifestFile')));
    expect(await value('signatureDigest')).toBe(sha(await file('signatureFile')));
  });

  it('001-6 the artifact names signature and manifest', async () => {
    await type(
      'artifactFile="artifact.json" && \\',
      '  artifactMediaType="application/vnd.oci.artifact.manifest.v1+json" && \\',
      '  artifactType="application/vnd.cncf.notary.v2" && \\',
      '  configMediaType="application/vnd.cncf.notary.config.v2+jwt" && \\',
      '  signatureFileSize=`wc -c < $signatureFile` && \\',
      `  manifestMediaType="$(cat $manifestFile | jq -r '.mediaType')" && \\`,
      '  manifestFileSize=`wc -c < $manifestFile`',
      'cat <<EOF > $artifactFile',
      '{',
      '  "schemaVersion": 2,',
      '  "mediaType": "$artifactMediaType",',
      '  "artifactType": "$artifactType",',
      '  "config": {',
      '    "mediaType": "$configMediaType",',
      '    "digest": "$signatureDigest",',
      '    "size": $signatureFileSize',
      '  },',
      '  "manifests": [',
      '    {',
      '      "mediaType": "$manifestMediaType",',
      '      "digest": "$manifestDigest",',
      '      "size": $manifestFileSize',
      '    }',
      '  ]',
      '}',
      'EOF',
      'artifactDigest="sha256:$(sha256sum $artifactFile | cut -d " " -f 1)"',
    );
    expect(JSON.parse((await file('artifactFile')).toString())).toMatchObject({
      config: { mediaType: 'application/vnd.cncf.notary.config.v2+jwt', digest: await value('signatureDigest') },
      manifests: [{ digest: await value('manifestDigest'), size: 527 }],
    });
  });

  it('001-7 an upload begins at a Location that the script can append a digest to', async () => {
    await type(
      'configPutLocation=`curl -I -X POST -s http://$registry/v2/$repo/blobs/uploads/ | grep "Location: " | sed -e "s/Location: //;s/$/\\&digest=$signatureDigest/;s/\\r//"`',
    );
    expect(await value('configPutLocation')).toMatch(
      new RegExp(`^http://${hallmark.host}/v2/busybox/blobs/uploads/[^?]+\\?\\S+&digest=sha256:[0-9a-f]{64}$`),
    );
    expect(await type('curl -I -X POST -s http://$registry/v2/$repo/blobs/uploads/')).toMatch(/^HTTP\/1.1 202 /);
  });

  it('001-8 the signature is pushed as a blob', async () => {
    const said = await type(
      'curl -X PUT -H "Content-Type: application/octet-stream" --data-binary @"$signatureFile" $configPutLocation -w "%{http_code}"',
    );
    expect(said).toBe('201');
  });

  it('001-9 the artifact is pushed', async () => {
    const said = await type(
      'curl -si -X PUT --data-binary @"$artifactFile" -H "Content-Type: $artifactMediaType" "http://$registry/v2/$repo/manifests/$artifactDigest"',
    );
    expect(said).toMatch(/^HTTP\/1.1 201 /);
    expect(said).toContain(`Docker-Content-Digest: ${await value('artifactDigest')}`);
  });

  it('001-10 the links of the manifest show the artifact', async () => {
    const said = await type(
      'curl -s "http://$registry/v2/_ext/oci-artifacts/v1/$repo/manifests/$manifestDigest/links?artifact-type=$artifactType" | jq',
    );
    expect(JSON.parse(said)).toMatchObject({
      digest: await value('manifestDigest'),
      links: [JSON.parse((await file('artifactFile')).toString())],
    });
  });

  it('001-11 without an artifact type it is an error', async () => {
    const { status, body } = await links('latest', '');
    expect([status, body['errors']![0]!['code']]).toEqual([400, 'ARTIFACT_TYPE_UNSPECIFIED']);
  });

  it('001-12 a tag does as well as a digest', async () => {
    expect(await links('latest')).toMatchObject({
      status: 200,
      body: { tag: 'latest', links: [{ artifactType: TYPE }] },
    });
  });

  it('001-13 another type has no links, and an image without artifacts neither', async () => {
    expect(await links('latest', '?artifact-type=text/other')).toMatchObject({ status: 200, body: { links: [] } });
    await type('docker pull plain && docker tag plain $registry/busybox:plain && docker push $registry/busybox:plain');
    expect(await links('plain')).toMatchObject({ status: 200, body: { links: [] } });
  });

  it('001-14 an unknown manifest is named as such', async () => {
    expect(await links(sha('unknown'))).toMatchObject({
      status: 404,
      body: { errors: [{ code: 'MANIFEST_UNKNOWN' }] },
    });
  });

  it('001-15 the signature that the first link names is the one that was pushed', async () => {
    await type(
      `signatureDigest=\`curl -s "http://$registry/v2/_ext/oci-artifacts/v1/$repo/manifests/$manifestDigest/links?artifact-type=$artifactType" | jq -r '.links[0].config.digest'\` && \\`,
      '  retrievedSignatureFile="retrieved-signature.json" && \\',
      '  curl -s http://$registry/v2/$repo/blobs/$signatureDigest > $retrievedSignatureFile',
    );
    expect(await file('retrievedSignatureFile')).toEqual(await file('signatureFile'));
  });

  it('001-16 nv2 (the stand-in) and the server verify it; a changed manifest and another certificate are refused', async () => {
    const verify = (certificate: string, manifest: string) =>
      type(`nv2 verify -f $retrievedSignatureFile -c ${certificate} file:${manifest}`);
    expect((await verify('example.crt', '$manifestFile')).trim()).toBe(await value('manifestDigest'));
    const manifest = await file('manifestFile');
    const text = manifest.toString();
    const changed = Buffer.from(text.replace('sha256:', 'sha256:0').replace(/.("\n {3}\},)/, '$1'));
    await stage.write('work/changed.json', changed.toString());
    await type(
      'openssl req -x509 -nodes -newkey rsa:2048 -days 1 -subj "/CN=$regIp" -addext "subjectAltName=IP:$regIp" -keyout b.key -out b.crt',
    );
    await expect(verify('example.crt', 'changed.json')).rejects.toThrow('descriptor mismatch');
    await expect(verify('b.crt', '$manifestFile')).rejects.toThrow('unknown authority');
    const judge = async (certificate: string, bytes: Buffer) => {
      const content = (await file('retrievedSignatureFile')).toString('base64');
      const certificates = [(await stage.read(`work/${certificate}`)).toString()];
      const body = {
        manifest: bytes.toString('base64'),
        signatures: [{ format: 'nv2', content }],
        claimed_reference: await value('reference'),
        trust: { certificates },
      };
      return (await hallmark.call('POST', 'verify/', body)).body;
    };
    expect(await judge('example.crt', manifest)).toMatchObject({ verified: true });
    expect(await judge('example.crt', changed)).toMatchObject({ verified: false, outcome: 'failed' });
    expect(await judge('b.crt', manifest)).toMatchObject({ verified: false, outcome: 'untrusted' });
    const stored = {
      reference: await value('reference'),
      trust: { certificates: [(await stage.read('work/example.crt')).toString()] },
    };
    expect((await hallmark.call('POST', 'verify/', stored)).body).toMatchObject({
      verified: true,
      signatures: [{ format: 'nv2' }],
    });
  });

  it('001-17 an artifact whose manifest is not here is refused', async () => {
    const artifact = (await file('artifactFile')).toString().replace(await value('manifestDigest'), sha('gone'));
    const refused = await put(sha(artifact), ARTIFACT, artifact);
    expect(refused.status).toBe(404);
    expect(await refused.text()).toMatch(/MANIFEST_(BLOB_)?UNKNOWN/);
  });

  it('001-18 the referrers API of today lists it too', async () => {
    const listed = await fetch(`${hallmark.url}/v2/busybox/referrers/${await value('manifestDigest')}`);
    expect(await listed.json()).toMatchObject({
      manifests: [{ digest: await value('artifactDigest'), artifactType: TYPE }],
    });
  });

  it('001-19 a referrer of today is seen by the prototype', async () => {
    const subject = { mediaType: await value('manifestMediaType'), digest: await value('manifestDigest'), size: 527 };
    const config = {
      mediaType: 'application/octet-stream',
      digest: await value('signatureDigest'),
      size: Number(await value('signatureFileSize')),
    };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const referrer = { schemaVersion: 2, mediaType, artifactType: 'text/note', config, layers: [], subject };
    const bytes = JSON.stringify(referrer);
    expect((await put(sha(bytes), mediaType, bytes)).status).toBe(201);
    expect(await links('latest', '?artifact-type=text/note')).toMatchObject({ body: { links: [referrer] } });
  });

  it('001-20 without the manifest there are no links, and nothing holds its artifact: it is deleted next', async () => {
    const [digest, artifact] = [await value('manifestDigest'), await value('artifactDigest')];
    const authorization = `Basic ${btoa(`admin:${PASSWORD}`)}`;
    const remove = (path: string) => fetch(`${hallmark.url}${path}`, { method: 'DELETE', headers: { authorization } });
    expect((await remove(`/v2/busybox/manifests/${digest}`)).status).toBe(202);
    expect((await links(digest)).status).toBe(404);
    expect((await remove(`/v2/busybox/manifests/${artifact}`)).status).toBe(202);
    expect((await fetch(`${hallmark.url}/v2/busybox/manifests/${artifact}`)).status).toBe(404);
    const page = await hallmark.call('GET', 'repositories/container/container-push/?name=busybox');
    const href = (page.body['results'] as unknown as Json[])[0]!['latest_version_href'] as string;
    const manifests = await hallmark.call('GET', `content/container/manifests/?repository_version=${href}`);
    const present = (manifests.body['results'] as unknown as Json[]).map((row) => row['digest']);
    for (const gone of [digest, artifact]) expect(present).not.toContain(gone);
  });
});
