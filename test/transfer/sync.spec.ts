import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pushSample } from './push-http.js';
import { startRegistry, type RegistryKind, type RunningRegistry } from './real-registries.js';
import { type SyncBench, startBench } from './syncing.js';

describe.each<RegistryKind>(['docker-registry', 'registry3', 'olareg'])('a sync from %s', (kind) => {
  let bench: SyncBench;
  let upstream: RunningRegistry | undefined;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(async () => {
    await upstream?.stop();
    await bench.stop();
  });

  test('brings five manifests, nine blobs and two tags in one version, and nothing the second time', async (context) => {
    upstream = await startRegistry(kind, context);
    await pushSample(upstream.url, 'team/app');
    const remote = await bench.makeRemote({ url: upstream.url });
    const repository = await bench.makeRepository();
    const result = await bench.sync(repository, remote);
    expect(result.version).toMatchObject({
      number: 1,
      content_summary: { added: { blob: 9, manifest: 5, tag: 2 }, present: { blob: 9, manifest: 5, tag: 2 } },
    });
    expect(bench.created).toEqual([`/pulp/api/v3/repositories/container/container/${repository}/versions/1/`]);
    expect(bench.progress.get('sync.downloading.artifacts')).toBe(9);
    const again = await bench.sync(repository, remote);
    expect(again).toMatchObject({ changed: false, fetched: { manifests: 0, blobs: 0, bytes: 0 } });
    expect(bench.created).toEqual([]);
    expect(await bench.head(repository)).toMatchObject({ number: 1 });
  });
});
