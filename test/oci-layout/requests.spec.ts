import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '#platform/identifiers.js';
import type { TaskDispatcher } from '#tasks/dispatch.js';
import { ImportLayoutHandler } from '#transfer/oci-layout/import/import-layout.handler.js';
import type { ImportPayload } from '#transfer/oci-layout/import/import-layout.task.js';
import { OciLayouts } from '#transfer/oci-layout/oci-layouts.js';
import { archive, layoutMembers } from './archives.js';
import { openWorld, taskContext, type World } from './world.js';

let world: World;
beforeEach(async () => void (world = await openWorld()));
afterEach(() => world.close());

type Dispatch = TaskDispatcher['dispatch'];

const layouts = (dispatch: (...args: Parameters<Dispatch>) => unknown) =>
  new OciLayouts(world.source, world.store, world.config, { dispatch } as unknown as TaskDispatcher);
const imports = () => readdir(join(world.dataDir, 'imports'));

describe('a request', () => {
  it('000-9 to import starts a task that holds the repository and finds the archive', async () => {
    const repositoryId = await world.repository();
    const calls: Parameters<Dispatch>[] = [];
    const members = (await layoutMembers('one')).map((each) => ({ ...each, path: `busybox/${each.path}` }));
    await layouts((...args) => calls.push(args)).startImport(Readable.from([archive(members)]), {
      repositoryId,
      exclusive: ['/r/'],
    });
    const [[task, payload, options]] = calls as [Parameters<Dispatch>];
    expect(task.name).toBe('hallmark.tasks.import_layout');
    expect(options).toMatchObject({ exclusive: ['/r/'] });
    const handler = new ImportLayoutHandler(world.source, world.store, world.config);
    expect(await handler.run(payload as ImportPayload, taskContext())).toMatchObject({ tags: 1, images: 1 });
  });

  it('leaves no archive when the task cannot be started', async () => {
    const failing = layouts(() => Promise.reject(new Error('no database')));
    await expect(
      failing.startImport(Readable.from([Buffer.alloc(10)]), { repositoryId: newId(), exclusive: [] }),
    ).rejects.toThrow('no database');
    expect(await imports()).toEqual([]);
  });

  it('to clean up removes old archives that no task waits for', async () => {
    const repositoryId = await world.repository();
    await world.import(repositoryId, archive(await layoutMembers('one')));
    expect(await imports()).toEqual([]);
    const names = [newId(), newId(), newId()].map((id) => `${id}.upload`);
    for (const name of names) await writeFile(join(world.dataDir, 'imports', name), '');
    for (const name of names.slice(0, 2)) await utimes(join(world.dataDir, 'imports', name), 0, 0);
    expect(await layouts(() => undefined).purgeImports()).toBe(2);
    expect(await imports()).toEqual([names[2]]);
  });

  it('to export a version that is not there is refused', async () => {
    const missing = { view: { repositoryId: newId(), pinned: null } };
    await expect(layouts(() => undefined).openExport(missing)).rejects.toMatchObject({ kind: 'not-found' });
  });
});
