import { randomBytes } from 'node:crypto';
import { test } from 'vitest';
import { RemoteEntity } from '#transfer/remotes/remote.entity.js';
import type { SyncResult } from '#transfer/sync/sync.task.js';
import { FakeUpstream } from './fake-upstream.js';
import { makeImage, type MadeImage } from './push-http.js';
import { refusalOf, type SyncBench, startBench } from './syncing.js';

/** What a test of a sync from a fake upstream is given. */
export interface FakeStage {
  /** One for each file. */
  readonly ground: SyncBench;
  readonly upstream: FakeUpstream;
  /** Under the tag `one` there. */
  readonly image: MadeImage;
  /** Its layer. */
  readonly layer: MadeImage['blobs'][number];
  /** Asks once only. */
  readonly remote: RemoteEntity;
  /** New and empty. */
  readonly repository: string;
  /** Syncs one from the other; `fields` change the remote first. */
  readonly sync: (fields?: Partial<RemoteEntity>) => Promise<SyncResult>;
  /** How a sync failed, and what the repository is afterwards. */
  readonly refusal: () => ReturnType<typeof refusalOf>;
}

/** A test that gets a fake upstream with one image, and a new repository with a remote for it. */
export const stagedTest = test.extend<FakeStage>({
  ground: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const bench = await startBench();
      await use(bench);
      await bench.stop();
    },
    { scope: 'file' },
  ],
  // eslint-disable-next-line no-empty-pattern
  upstream: async ({}, use) => {
    const upstream = await FakeUpstream.start();
    await use(upstream);
    await upstream.stop();
  },
  image: [({ upstream }, use) => use(upstream.add(makeImage({ layers: [randomBytes(5000)] }), 'one')), { auto: true }],
  layer: ({ image }, use) => use(image.blobs[1]!),
  remote: async ({ ground, upstream }, use) => use(await ground.makeRemote({ url: upstream.url, maxRetries: 0 })),
  repository: async ({ ground }, use) => use(await ground.makeRepository()),
  sync: ({ ground, repository, remote }, use) =>
    use(async (fields = {}) => {
      if (Object.keys(fields).length > 0) await ground.source.manager.update(RemoteEntity, { id: remote.id }, fields);
      return ground.sync(repository, remote);
    }),
  refusal: ({ ground, repository, remote }, use) => use(() => refusalOf(ground, repository, remote)),
});
