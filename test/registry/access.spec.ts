import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Made, made, makeImage, makePrivate, OCI_MANIFEST, pushBlob, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let image: Made;
let layer: string;
let artifact: Made;

const SECRET = 'alice/secret';
const PUBLIC = 'alice/public';
const alice = { as: 'alice' } as const;

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, PUBLIC, 'v1', {}, alice);
  image = await pushImage(registry, SECRET, 'v1', {}, alice);
  layer = (JSON.parse(image.bytes.toString()) as { layers: { digest: string }[] }).layers[0]!.digest;
  const { mediaType, digest, size } = image;
  artifact = await pushImage(registry, SECRET, undefined, { subject: { mediaType, digest, size } }, alice);
  await makePrivate(registry, SECRET);
});
afterAll(() => registry?.close());

async function token(scope: string | readonly string[], as: string | null = 'alice'): Promise<string> {
  const scopes = [scope]
    .flat()
    .map((each) => `&scope=${encodeURIComponent(each)}`)
    .join('');
  const answer = await registry.request('GET', `/token/?service=${registry.host}${scopes}`, { as });
  expect(answer.status).toBe(200);
  return answer.json<{ token: string }>().token;
}

const bearer = (method: string, path: string, value: string, body?: Buffer) =>
  registry.request(method, path, { as: null, body, headers: { authorization: `Bearer ${value}` } });

/** Every read of a repository. */
const reads = (name: string) => [
  `/v2/${name}/tags/list`,
  `/v2/${name}/manifests/v1`,
  `/v2/${name}/manifests/${image.digest}`,
  `/v2/${name}/manifests/${artifact.digest}`,
  `/v2/${name}/manifests/${image.digest.replace(':', '-')}`,
  `/v2/${name}/blobs/${layer}`,
  `/v2/${name}/referrers/${image.digest}`,
  `/v2/${name}/_oras/artifacts/referrers?digest=${image.digest}`,
  `/v2/_ext/oci-artifacts/v1/${name}/manifests/v1/links?artifact-type=x`,
  `/v2/_ext/oci-artifacts/v1/${name}/manifests/v1/references`,
  `/v2/_ext/oci-artifacts/v1-rc1/${name}/manifests/v1/referrers`,
  `/extensions/v2/${name}/signatures/${image.digest}`,
  `/lookaside/${name}@${image.digest.replace(':', '=')}/signature-1`,
  `/pulp/container/${name}/blobs/${layer}`,
];

/** What an answer gives away, without what names the request. */
const shown = (answer: { status: number; bytes: Buffer; headers: Headers }, name: string) => [
  answer.status,
  answer.bytes.toString().replaceAll(name, 'NAME'),
  answer.headers.get('www-authenticate')?.replaceAll(name, 'NAME'),
];

describe('the challenge', () => {
  it('comes with 401 on the ping and names realm and service', async () => {
    const answer = await registry.request('GET', '/v2/', { as: null });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer realm="${registry.url}/token/",service="${registry.host}"`,
    );
    expect(answer.headers.get('x-registry-supports-signatures')).toBe('1');
    expect(answer.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
    expect([answer.code, answer.headers.get('content-type')]).toEqual(['UNAUTHORIZED', 'application/json']);
  });

  it.each([
    ['GET', '/v2/alice/secret/tags/list', ',scope="repository:alice/secret:pull"'],
    ['DELETE', '/v2/alice/secret/manifests/v1', ',scope="repository:alice/secret:pull,push"'],
    ['POST', '/v2/alice/secret/blobs/uploads/', ',scope="repository:alice/secret:pull,push"'],
    [
      'POST',
      `/v2/alice/a/blobs/uploads/?mount=${sha('x')}&from=alice/b`,
      ',scope="repository:alice/a:pull,push repository:alice/b:pull"',
    ],
    ['GET', '/v2/_catalog', ',scope="registry:catalog:*"'],
  ])('of %s %s asks for the scope', async (method, path, scope) => {
    const answer = await registry.request(method, path, { as: null });
    expect([answer.status, answer.code]).toEqual([401, 'UNAUTHORIZED']);
    expect(answer.headers.get('www-authenticate')).toContain(`service="${registry.host}"${scope}`);
  });

  it('says what is wrong with a token', async () => {
    const bad = await bearer('GET', `/v2/${SECRET}/manifests/v1`, 'a.b.c');
    expect(bad.status).toBe(401);
    expect(bad.headers.get('www-authenticate')).toMatch(/,error="invalid_token"$/);
    const weak = await bearer('GET', `/v2/${SECRET}/manifests/v1`, await token(`repository:${PUBLIC}:pull`));
    expect(weak.status).toBe(401);
    expect(weak.headers.get('www-authenticate')).toMatch(/,error="insufficient_scope"$/);
  });

  it('comes for a wrong password too', async () => {
    const headers = { authorization: `Basic ${Buffer.from('alice:wrong').toString('base64')}` };
    const answer = await registry.request('GET', '/v2/', { as: null, headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer realm=');
  });
});

describe('tokens', () => {
  it('let their bearer do what they say and nothing else', async () => {
    const pull = await token(`repository:${SECRET}:pull`);
    expect((await bearer('GET', '/v2/', pull)).status).toBe(200);
    expect((await bearer('GET', `/v2/${SECRET}/manifests/v1`, pull)).status).toBe(200);
    expect((await bearer('POST', `/v2/${SECRET}/blobs/uploads/`, pull)).status).toBe(401);
    expect((await bearer('DELETE', `/v2/${SECRET}/manifests/nothing`, pull)).status).toBe(401);
    expect((await bearer('GET', `/v2/${SECRET}/x/manifests/v1`, pull)).status).toBe(401);
    const push = await token(`repository:${SECRET}:pull,push`);
    expect((await bearer('POST', `/v2/${SECRET}/blobs/uploads/`, push)).status).toBe(202);
    expect((await bearer('DELETE', `/v2/${SECRET}/manifests/nothing`, push)).status).toBe(404);
  });

  it('for deleting are asked for with a star', async () => {
    const all = await token(`repository:${SECRET}:*`);
    expect((await bearer('DELETE', `/v2/${SECRET}/manifests/nothing`, all)).status).toBe(404);
  });

  it('carry no right that their owner lacks', async () => {
    for (const as of ['bob', null]) {
      const value = await token(`repository:${SECRET}:pull,push`, as);
      expect((await bearer('GET', `/v2/${SECRET}/manifests/v1`, value)).status).toBe(401);
    }
    const open = await token(`repository:${PUBLIC}:pull`, null);
    expect((await bearer('GET', `/v2/${PUBLIC}/manifests/v1`, open)).status).toBe(200);
  });

  it('are refused without a service', async () => {
    const answer = await registry.request('GET', '/token/', { as: null });
    expect([answer.status, answer.json()]).toMatchObject([400, { detail: 'No service name provided.' }]);
  });
});

describe('what is private', () => {
  it('and what does not exist look the same to anonymous, to a stranger, and to a stranger with a token', async () => {
    for (const as of [null, 'bob']) {
      const [secret, missing] = [reads(SECRET), reads('alice/nosuch')];
      for (const [at, path] of secret.entries()) {
        const one = await registry.request('GET', path, { as });
        const other = await registry.request('GET', missing[at]!, { as });
        expect([path, one.status]).toEqual([path, as === null ? 401 : 404]);
        expect(shown(one, SECRET)).toEqual(shown(other, 'alice/nosuch'));
      }
    }
  });

  it('and what does not exist refuse a stranger in the same way when he writes', async () => {
    for (const [method, path] of [
      ['POST', 'blobs/uploads/'],
      ['PUT', 'manifests/v1'],
      ['DELETE', 'manifests/v1'],
      ['DELETE', `blobs/${sha('x')}`],
    ] as const) {
      const [one, other] = [
        await registry.request(method, `/v2/${SECRET}/${path}`, { as: 'bob' }),
        await registry.request(method, `/v2/alice/nosuch/${path}`, { as: 'bob' }),
      ];
      expect([one.status, one.code]).toEqual([403, 'DENIED']);
      expect(shown(one, SECRET)).toEqual(shown(other, 'alice/nosuch'));
    }
    const visible = await registry.request('PUT', `/v2/${PUBLIC}/manifests/v1`, { as: 'bob' });
    expect([visible.status, visible.code]).toEqual([403, 'DENIED']);
  });

  it('is not in the catalog of others', async () => {
    const catalog = async (as: string) =>
      (await registry.request('GET', '/v2/_catalog', { as })).json<{ repositories: string[] }>().repositories;
    expect(await catalog('alice')).toEqual([PUBLIC, SECRET]);
    expect(await catalog('bob')).toEqual([PUBLIC]);
    expect((await registry.request('GET', '/v2/_catalog?n=1', { as: 'alice' })).headers.get('link')).toBe(
      `</v2/_catalog?n=1&last=${encodeURIComponent(PUBLIC)}>; rel="next"`,
    );
  });

  it('is served to its owner by every path', async () => {
    for (const path of reads(SECRET)) {
      const answer = await registry.request('GET', path, alice);
      expect([200, path.startsWith('/lookaside') ? 404 : 200]).toContain(answer.status);
    }
  });

  it('C3 C4 cannot be named by a manifest elsewhere, nor read there by its digest', async () => {
    const own = await makeImage(registry, 'bob/app', {}, { as: 'bob' });
    const stolen = made({
      ...(JSON.parse(own.bytes.toString()) as { mediaType: string }),
      layers: [{ mediaType: 'application/x', digest: layer, size: 100 }],
    });
    const put = await putManifest(registry, 'bob/app', 'stolen', stolen, { as: 'bob' });
    expect([put.status, put.code]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
    expect((await registry.request('HEAD', `/v2/bob/app/blobs/${layer}`, { as: 'bob' })).status).toBe(404);
  });
});

describe('a mount', () => {
  const mount = (as: string, digest: string, from?: string, name = `${as}/mounted`) =>
    registry.request('POST', `/v2/${name}/blobs/uploads/?mount=${digest}${from ? `&from=${from}` : ''}`, { as });

  it('works from a repository that the caller may read, named or not', async () => {
    const named = await mount('alice', layer, SECRET);
    expect([named.status, named.headers.get('location')]).toEqual([201, `/v2/alice/mounted/blobs/${layer}`]);
    expect(named.headers.get('docker-content-digest')).toBe(layer);
    expect((await registry.request('GET', `/v2/alice/mounted/blobs/${layer}`, alice)).status).toBe(200);
    expect((await mount('alice', layer, undefined, 'alice/mounted2')).status).toBe(201);
    const bytes = someBytes();
    await pushBlob(registry, PUBLIC, bytes, undefined, alice);
    expect((await mount('bob', sha(bytes), PUBLIC)).status).toBe(201);
  });

  it('from where something was mounted before sees what is there now, and who may read it', async () => {
    const [source, target] = ['alice/source', 'bob/again'];
    const blobs = [someBytes(), someBytes()].map((bytes) => ({ bytes, digest: sha(bytes) }));
    for (const { bytes } of blobs) await pushBlob(registry, source, bytes, undefined, alice);
    const status = async ({ digest }: { digest: string }) => (await mount('bob', digest, source, target)).status;
    expect([await status(blobs[0]!), await status(blobs[0]!), await status(blobs[1]!)]).toEqual([201, 201, 201]);
    expect(await status({ digest: layer })).toBe(202);
    await registry.request('DELETE', `/v2/${source}/blobs/${blobs[1]!.digest}`, alice);
    expect([await status(blobs[0]!), await status(blobs[1]!)]).toEqual([201, 202]);
    await makePrivate(registry, source);
    expect(await status(blobs[0]!)).toBe(202);
  });

  it('C2 gives a usable session, and no hint, for what the caller may not read or what is not there', async () => {
    for (const path of ['alice/mounted', 'alice/mounted2']) await makePrivate(registry, path);
    for (const answer of [
      await mount('bob', layer, SECRET),
      await mount('bob', layer),
      await mount('bob', sha('nothing'), SECRET),
      await mount('bob', sha('nothing'), 'no/such'),
      await mount('bob', 'sha256:bad', PUBLIC),
    ]) {
      expect(answer.status).toBe(202);
      const url = new URL(answer.headers.get('location')!);
      const bytes = someBytes();
      const put = await registry.request('PUT', `${url.pathname}${url.search}&digest=${sha(bytes)}`, {
        as: 'bob',
        body: bytes,
      });
      expect(put.status).toBe(201);
    }
  });

  it('needs a token for the source, unless that is public', async () => {
    const only = await token('repository:alice/target:pull,push');
    const path = `/v2/alice/target/blobs/uploads/?mount=${layer}&from=${SECRET}`;
    expect((await bearer('POST', path, only)).status).toBe(202);
    const asked = (await registry.request('POST', path, { as: null })).headers.get('www-authenticate')!;
    const both = await token(/scope="([^"]*)"/.exec(asked)![1]!);
    expect((await bearer('POST', path, both)).status).toBe(201);
  });
});

describe('anonymous push', () => {
  it('is open when the setting says so, and closed to what is private', async () => {
    const laptop = await startRegistry({ HALLMARK_ANONYMOUS_PUSH: 'true' });
    try {
      const own = await pushImage(laptop, 'busybox', 'latest', {}, { as: null });
      expect((await laptop.request('GET', `/v2/busybox/manifests/${own.digest}`, { as: null })).status).toBe(200);
      await makePrivate(laptop, 'busybox');
      expect((await laptop.request('GET', '/v2/busybox/manifests/latest', { as: null })).status).toBe(401);
      expect((await laptop.request('POST', '/v2/busybox/blobs/uploads/', { as: null })).status).toBe(401);
    } finally {
      await laptop.close();
    }
  });

  it('is refused otherwise', async () => {
    const answer = await registry.request('PUT', '/v2/busybox/manifests/latest', {
      as: null,
      headers: { 'content-type': OCI_MANIFEST },
      body: '{}',
    });
    expect(answer.status).toBe(401);
  });
});
