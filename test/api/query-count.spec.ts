import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeManifest } from '#content/push/store-manifest.js';
import { makeImage } from '../content/content-factory.js';
import { ROOT, startApi, type ApiProcess } from './api-process.js';
import { CountingStatements } from './counting-statements.js';
import { signImage, storeImage, type StoredImage } from './stored-content.js';

const FEW = 10;
const MANY = 500;

describe('how many statements a request takes', () => {
  let api: ApiProcess;
  let counting: CountingStatements;
  let image: StoredImage;

  async function grow(to: number): Promise<void> {
    const { source } = api;
    await source.transaction(async (tx) => {
      const draft = await makeImage(tx, image.repositoryId);
      const tags = Array.from({ length: to }, (_, index) => `t${index}`);
      await storeManifest(tx, { repositoryId: image.repositoryId, draft, tags });
      for (let index = 0; index < to; index++) {
        const more = await makeImage(tx, image.repositoryId);
        await storeManifest(tx, { repositoryId: image.repositoryId, draft: more, tags: [`m${index}`] });
      }
    });
    for (let index = 0; index < to / 5; index++) await signImage(api, image, 'ABCD');
    for (const kind of ['repositories/container/container', 'remotes/container/container'])
      for (let index = 0; index < to / 5; index++)
        await api.request('POST', `${ROOT}/${kind}/`, {
          name: `${to}-${index}`,
          ...(kind.startsWith('remotes') ? { url: 'https://up.example', upstream_name: 'a/b' } : {}),
        });
    await source.query('analyze');
  }

  const lists = () => {
    const version = `${image.href}versions/2/`;
    const content = ['tags', 'manifests', 'blobs', 'signatures'].flatMap((kind) => [
      `/content/container/${kind}/?limit=1000`,
      `/content/container/${kind}/?limit=1000&repository_version=${version}`,
    ]);
    const others = [
      'repositories',
      'repositories/container/container',
      'remotes/container/container',
      'tasks',
      'roles',
    ];
    return [
      ...content,
      ...others.map((path) => `/${path}/?limit=1000`),
      '/content/?limit=1000',
      '/content/container/tags/?name__contains=t1&limit=1000',
      '/content/container/tags/?limit=5&offset=5',
      `${image.href.slice(ROOT.length)}versions/?limit=1000`,
    ];
  };

  const measure = async (): Promise<Record<string, number>> => {
    const result: Record<string, number> = {};
    for (const path of lists()) {
      await api.get(`${ROOT}${path}`);
      const statements = await counting.during(async () => {
        expect((await api.get(`${ROOT}${path}`)).status, path).toBe(200);
      });
      result[path] = statements.length;
    }
    return result;
  };

  beforeAll(async () => {
    api = await startApi();
    counting = new CountingStatements(api.source);
    image = await storeImage(api, 'counted');
  });
  afterAll(() => api.close());

  it('does not depend on how many rows a list shows, and is small', async () => {
    await grow(FEW);
    const few = await measure();
    await grow(MANY);
    const many = await measure();
    expect(many).toEqual(few);
    for (const [path, count] of Object.entries(many)) expect(count, path).toBeLessThanOrEqual(3);
  }, 120_000);

  it('is one for reading one thing', async () => {
    for (const path of [image.href, `${image.href}versions/1/`])
      expect((await counting.during(() => api.get(path))).length, path).toBe(1);
  });

  it('loads no bytes of manifests and signatures, and nothing that is not asked for', async () => {
    for (const kind of ['tags', 'manifests', 'blobs', 'signatures']) {
      const statements = await counting.during(() => api.get(`${ROOT}/content/container/${kind}/?limit=3`));
      for (const { text } of statements) expect(text).not.toMatch(/select \*|\bbytes\b/);
    }
    const statements = await counting.during(() =>
      api.get(`${ROOT}/content/container/manifests/?limit=3&fields=pulp_href,digest`),
    );
    for (const { text } of statements) expect(text).not.toMatch(/annotations|manifest_blob|manifest_child/);
  });
});
