// The commands of the pages about signing, verifying and carrying, typed as they stand there: hosts, folders and keys are
// replaced, and clients are told that the server speaks plain HTTP and that there is no public log.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, PASSWORD } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { blocksOf, openReader, type Reader } from './pages.js';

const clients = needing('podman', 'skopeo', 'gpg', 'cosignv2', 'cosignv3', 'notation', 'oras', 'openssl', 'curl');

describe.skipIf(clients.skip)(`the commands of the pages${clients.note}`, () => {
  let reader: Reader;
  let host: string;
  let digest: string;

  beforeAll(async () => {
    const programs = { cosign: 'cosignv2', cosign3: 'cosignv3', notation: 'notation', oras: 'oras' };
    reader = await openReader(programs, { HALLMARK_ANONYMOUS_PUSH: 'true' });
    host = reader.hallmark.host;
    await reader.stage.sh(`mkdir ../etc; : > ../etc/release.pass; : > ../etc/cosign.pass
      podman push -q --tls-verify=false localhost/app ${host}/demo/app:1.0
      gpg --armor --export me@example.com > release.asc
      gpg --batch --pinentry-mode loopback --passphrase '' --armor --export-secret-keys me@example.com > ../etc/release.asc`);
    const served = await fetch(`${reader.hallmark.url}/v2/demo/app/manifests/1.0`);
    digest = served.headers.get('docker-content-digest')!;
  });
  afterAll(() => reader?.close());

  /** Types a block. A second service of one name is an alternative on the page, and gets a name of its own here. */
  const type = (block: string, ...changes: readonly (readonly [string, string])[]) => {
    const all = [
      ['registry.example.com', host],
      ['/etc/hallmark/', `${reader.stage.path('etc')}/`],
      [' --builtin', '-inside --builtin'],
      ...changes,
    ] as const;
    const typed = all.reduce((text, [from, to]) => text.replaceAll(from, to), block);
    return reader.stage.sh(`export HALLMARK_PASSWORD='${PASSWORD}'\n${typed}`);
  };

  it('docs/simple-signing.md', async () => {
    const [script, inside, sign] = await blocksOf('docs/simple-signing.md', 'sh');
    expect(await type(script!, ['45ACE14E3EBB9BBA', reader.key])).toContain('Successfully added');
    expect(await type(inside!)).toContain('Successfully added');
    expect(await type(sign!)).toContain('1 signed');
    const [policy] = await blocksOf('docs/simple-signing.md', 'json');
    const path = await reader.stage.write(
      'work/policy.json',
      policy!
        .replace('registry.example.com', host)
        .replace(/"keyPath": ".*?"/, `"keyPath": "${reader.stage.path('work/release.asc')}"`),
    );
    await reader.stage.sh(`podman pull -q --tls-verify=false --signature-policy ${path} ${host}/demo/app:1.0`);
  });

  it('docs/cosign.md', async () => {
    const [client, third, script, inside, verify, ...more] = await blocksOf('docs/cosign.md', 'sh');
    expect(more).toEqual([]);
    await type(
      client!,
      ['cosign sign', 'cosign sign -y --tlog-upload=false --allow-http-registry'],
      ['cosign verify', 'cosign verify --insecure-ignore-tlog=true --allow-http-registry'],
    );
    await type(
      third!,
      ['cosign sign', 'cosign3 sign -y --allow-http-registry'],
      ['cosign verify', 'cosign3 verify --allow-http-registry'],
    );
    expect(await type(script!)).toMatch(/Successfully added[^]*signed/);
    await reader.stage.sh('cp cosign.key ../etc');
    expect(await type(inside!)).toContain('Successfully added');
    expect(await type(verify!)).toContain('Verified.');
  });

  it('docs/notation.md', async () => {
    const [client, script, inside, certificate, verify, ...more] = await blocksOf('docs/notation.md', 'sh');
    expect(more).toEqual([]);
    await type(certificate!);
    await reader.stage
      .sh(`cp leaf.key ../etc; cp leaf.pem ../etc/chain.pem; cp leaf.pem ../etc/root.pem; cp leaf.pem root.pem
      notation cert add --type ca --store acme root.pem`);
    expect(await type(script!)).toContain('Successfully added');
    expect(await type(inside!)).toContain('Successfully added');
    const keys = [
      { name: 'k', keyPath: reader.stage.path('work/leaf.key'), certPath: reader.stage.path('work/leaf.pem') },
    ];
    await reader.stage.write('home/.config/notation/signingkeys.json', { default: 'k', keys });
    const [policy] = await blocksOf('docs/notation.md', 'json');
    for (const file of ['home/.config/notation/trustpolicy.json', 'work/trustpolicy.json'])
      await reader.stage.write(file, policy!.replace('registry.example.com', host));
    const said = await type(
      client!,
      ['sha256:…', digest],
      ['notation sign', 'notation sign --insecure-registry'],
      ['notation verify', 'notation verify --insecure-registry'],
    );
    expect(said).toContain('Successfully verified');
    expect(await type(verify!)).toContain('Verified.');
  });

  it('docs/verify.md', async () => {
    const [judge, gate, ...more] = await blocksOf('docs/verify.md', 'sh');
    expect(more).toEqual([]);
    const keyData = (await reader.stage.read('work/release.asc')).toString('base64');
    const requirement = { type: 'signedBy', keyType: 'GPGKeys', keyData };
    await reader.stage.write('work/policy.json', { default: [requirement] });
    const said = await type(judge!);
    expect(said).toContain('Verified.');
    expect(said).toContain('"verified": true');
    const page = await reader.hallmark.call('GET', 'distributions/container/container/?base_path=demo/app');
    const distribution = (page.body['results'] as unknown as Json[])[0]!['pulp_href'] as string;
    const key = JSON.stringify((await reader.stage.read('work/cosign.pub')).toString()).slice(1, -1);
    const changes = [
      [`https://${host}`, `http://${host}`],
      ['curl -u admin', `curl -sf -u admin:'${PASSWORD}'`],
      ['-----BEGIN PUBLIC KEY-----…', key],
    ] as const;
    const [create, patch] = gate!.split(/^(?=curl .*PATCH)/m);
    const policy = JSON.parse(await type(create!, ...changes)) as Json;
    await type(
      patch!,
      ...changes,
      ['$DISTRIBUTION', distribution],
      ['/pulp/api/v3/trust-policies/…/', policy['pulp_href'] as string],
    );
    expect((await reader.hallmark.call('GET', distribution)).body['trust_policy']).toBe(policy['pulp_href']);
  });

  it('docs/air-gap.md', async () => {
    const [carry, stock, ...more] = await blocksOf('docs/air-gap.md', 'sh');
    expect(more).toEqual([]);
    const said = await type(carry!, ['import demo/app', 'import carried/app']);
    expect(said).toMatch(/Wrote \d+ bytes to app.tar[^]*Imported: .*1 images/);
    const verified = await type(
      stock!,
      ['registry.other.example/demo/app:1.0', `localhost:${host.split(':')[1]!}/other/app:1.0`],
      ['skopeo copy', 'skopeo copy --dest-tls-verify=false'],
    );
    expect(verified).toContain('Successfully verified');
  });
});
