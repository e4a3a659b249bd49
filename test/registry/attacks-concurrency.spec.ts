import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '#content/collector/collect.js';
import { deleteRepository } from '#content/versions/create-repository.js';
import { rowsOf } from '#platform/database.js';
import { brokenInvariants } from '../content/invariants.js';
import { type Made, made, makeImage, OCI_CONFIG, OCI_MANIFEST, pushBlob, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const range = (count: number) => Array.from({ length: count }, (_, at) => at);
const statuses = (answers: readonly { status: number }[]) => new Set(answers.map((each) => each.status));
const intact = async () => expect(await brokenInvariants(registry.source, registry.store)).toEqual([]);

describe('pushes that meet collections', () => {
  it('G1 a push that finds its blobs here is stored whole or told to send them again, however often bytes are collected', async () => {
    const name = 'race/collect';
    await pushImage(registry, name, 'first');
    let pushing = true;
    const collector = (async () => {
      while (pushing) await collect(registry.source, registry.store, { graceSeconds: 0 });
    })();
    const push = async (worker: number) => {
      for (const turn of range(6)) {
        const bytes = Buffer.from(`layer ${worker % 2} ${turn % 2}`);
        const layer = { mediaType: 'application/x', digest: sha(bytes), size: bytes.length };
        if ((await registry.request('HEAD', `/v2/${name}/blobs/${layer.digest}`)).status !== 200)
          await pushBlob(registry, name, bytes);
        const config = await pushBlob(registry, name, someBytes(20), OCI_CONFIG);
        const image = made({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] });
        const answer = await putManifest(registry, name, `w${worker}`, image);
        expect([201, 404]).toContain(answer.status);
        if (answer.status === 201)
          expect((await registry.request('GET', `/v2/${name}/blobs/${layer.digest}`)).bytes.equals(bytes)).toBe(true);
        if (turn % 2 === 1) await registry.request('DELETE', `/v2/${name}/manifests/${image.digest}`);
      }
    };
    await Promise.all(range(4).map(push));
    pushing = false;
    await collector;
    await intact();
  });
});

describe('one tag', () => {
  it('G6 a hundred pushes at once end with one digest, each in the history, and fail nobody', async () => {
    const name = 'race/tag';
    const images = await Promise.all(range(100).map(() => makeImage(registry, name)));
    const answers = await Promise.all(images.map((image) => putManifest(registry, name, 'v1', image)));
    expect(statuses(answers)).toEqual(new Set([201]));
    const last = (await registry.request('HEAD', `/v2/${name}/manifests/v1`)).headers.get('docker-content-digest');
    expect(images.map((image) => image.digest)).toContain(last);
    const history = await rowsOf<{ digest: string }>(
      registry.source,
      `select c.digest from membership m join tag t on t.id = m.unit_id join manifest c on c.id = t.manifest_id
       join repository r on r.id = m.repository_id where r.name = $1 and m.tag_name = 'v1'`,
      [name],
    );
    expect(new Set(history.map((row) => row.digest))).toEqual(new Set(images.map((image) => image.digest)));
    await intact();
  });

  it('G7 of many who move a tag from what they read exactly one gets through', async () => {
    const name = 'race/condition';
    const first = await pushImage(registry, name, 'v1');
    const images = await Promise.all(range(12).map(() => makeImage(registry, name)));
    const headers = { 'if-match': `"${first.digest}"` };
    const answers = await Promise.all(images.map((image) => putManifest(registry, name, 'v1', image, { headers })));
    expect(answers.map((each) => each.status).sort()).toEqual([201, ...Array<number>(11).fill(412)]);
  });
});

describe('deletions', () => {
  it('G8 readers of a tag that is deleted and pushed again see it or a miss, and never an error', async () => {
    const name = 'race/deleted';
    const image = await pushImage(registry, name, 'v1');
    let busy = true;
    const seen = new Set<number>();
    const readers = range(4).map(async () => {
      while (busy) seen.add((await registry.request('GET', `/v2/${name}/manifests/v1`)).status);
    });
    for (const turn of range(20))
      if (turn % 2 === 0) await registry.request('DELETE', `/v2/${name}/manifests/v1`);
      else await putManifest(registry, name, 'v1', image);
    busy = false;
    await Promise.all(readers);
    expect([...seen].filter((status) => status !== 200 && status !== 404)).toEqual([]);
    await intact();
  });

  it('G8 pushes into a repository that is deleted meanwhile are refused or land in a new one', async () => {
    const name = 'race/gone';
    await pushImage(registry, name, 'v1');
    const remove = async () => {
      const [row] = await rowsOf<{ id: string }>(registry.source, 'select id from repository where name = $1', [name]);
      if (!row) return;
      await registry.source.transaction(async (tx) => {
        await tx.query('delete from distribution where base_path = $1', [name]);
        await deleteRepository(tx, row.id);
      });
    };
    const push = async (worker: number) => {
      const seen: number[] = [];
      for (const turn of range(8)) {
        const image = await makeImage(registry, name).catch((error: Error) => error);
        if (image instanceof Error) seen.push(Number(/: (\d{3}) /.exec(image.message)![1]));
        else seen.push((await putManifest(registry, name, `t${worker}-${turn}`, image)).status);
      }
      return seen;
    };
    const pushes = Promise.all(range(4).map(push));
    for (const _ of range(6)) {
      await new Promise((done) => setTimeout(done, 60));
      await remove();
    }
    const seen = (await pushes).flat();
    expect(seen.filter((status) => status >= 500)).toEqual([]);
    expect(seen).toContain(201);
    await intact();
  });
});

describe('versions', () => {
  it('G9 each that was made while others pushed and deleted has every blob and child of its manifests', async () => {
    const name = 'race/versions';
    const work = async (worker: number) => {
      for (const turn of range(5)) {
        const image: Made = await pushImage(registry, name, `w${worker}-${turn}`);
        if (turn % 2) await registry.request('DELETE', `/v2/${name}/manifests/${image.digest}`);
      }
    };
    await Promise.all(range(5).map(work));
    const broken = await rowsOf(
      registry.source,
      `select v.number, m.unit_id from repository_version v join repository r on r.id = v.repository_id and r.name = $1
       join membership m on m.repository_id = r.id and m.added_in <= v.number
         and (m.removed_in is null or m.removed_in > v.number)
       join (select manifest_id, blob_id as needs from manifest_blob
         union select manifest_id, child_id from manifest_child) n on n.manifest_id = m.unit_id
       where not exists (select 1 from membership o where o.repository_id = r.id and o.unit_id = n.needs
         and o.added_in <= v.number and (o.removed_in is null or o.removed_in > v.number))`,
      [name],
    );
    expect(broken).toEqual([]);
    await intact();
  });
});

describe('a database that goes away', () => {
  it('G11 is 503 with a time to come back, loses nothing, and is used again without a restart', async () => {
    const name = 'race/database';
    const image = await pushImage(registry, name, 'v1');
    const images = await Promise.all(range(20).map(() => makeImage(registry, name)));
    const cut = () =>
      registry.source
        .query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()')
        .catch(() => undefined);
    const pushes = images.map(async (each, at) => {
      await new Promise((done) => setTimeout(done, at * 10));
      return putManifest(registry, name, `t${at}`, each);
    });
    for (const _ of range(4)) {
      await new Promise((done) => setTimeout(done, 40));
      await cut();
    }
    const answers = await Promise.all(pushes);
    for (const { status, headers } of answers) {
      expect([201, 503]).toContain(status);
      if (status === 503) expect(headers.get('retry-after')).toBeTruthy();
    }
    // Who meets a connection that was cut a moment ago is told to come back too.
    const comeBack = async (each: Made, at: number) => {
      for (let left = 20; ; left -= 1) {
        const answer = await putManifest(registry, name, `t${at}`, each);
        if (answer.status !== 503 || left === 0) return answer;
        await new Promise((done) => setTimeout(done, 50));
      }
    };
    const again = await Promise.all(images.map(comeBack));
    expect(statuses(again)).toEqual(new Set([201]));
    expect((await registry.request('GET', `/v2/${name}/manifests/v1`)).bytes.equals(image.bytes)).toBe(true);
    await intact();
  });
});
