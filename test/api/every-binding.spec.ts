import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, ROOT, startApi, type ApiProcess } from './api-process.js';
import { PulpCli, pythonClientsReady } from './python-clients.js';
import { signImage, storeImage, type StoredImage } from './stored-content.js';

const KEY = '0123456789ABCDEF';
const PROGRAM = join(import.meta.dirname, 'clients/every_operation.py');
const SCHEMAS = join(import.meta.dirname, 'clients/published_schemas.py');
const PARAMETERS = join(import.meta.dirname, 'clients/published_parameters.py');

describe.runIf(pythonClientsReady())('the published container bindings', () => {
  let api: ApiProcess;
  let clients: PulpCli;
  beforeAll(async () => {
    api = await startApi();
    await addUser(api.source, 'paula');
    clients = await PulpCli.for(api.url);
  });
  afterAll(async () => {
    await clients.close();
    await api.close();
  });

  /** Paths of one unit of each kind of an image in a repository. */
  async function unitsOf({ href }: StoredImage): Promise<Record<string, string>> {
    const kinds = { Tags: 'tags', Manifests: 'manifests', Blobs: 'blobs', Signatures: 'signatures' };
    const named = Object.entries(kinds).map(async ([name, path]) => {
      const latest = (await api.get(href)).body['latest_version_href']! as string;
      const { body } = await api.get(`${ROOT}/content/container/${path}/?repository_version=${latest}`);
      return [name, body['results']![0]!['pulp_href']! as string] as const;
    });
    return Object.fromEntries(await Promise.all(named));
  }

  it('and those of the core know no filter, order or choice that the server does not', async () => {
    const { stdout, stderr } = await clients.program(PARAMETERS);
    expect(stderr).toBe('');
    const { unknown, compared } = JSON.parse(stdout) as { unknown: string[]; compared: number };
    expect(unknown).toEqual([]);
    expect(compared).toBeGreaterThan(2_000);
  }, 120_000);

  it('and those of the core send nothing that the server refuses, and read all that it sends', async () => {
    const { stdout, stderr } = await clients.program(SCHEMAS);
    expect(stderr).toBe('');
    const { problems, compared } = JSON.parse(stdout) as { problems: string[]; compared: number };
    expect(problems).toEqual([]);
    expect(compared).toBeGreaterThan(1_000);
  }, 120_000);

  it('can call every operation, and are refused as they expect', async () => {
    const [container, push] = [await storeImage(api, 'curated'), await storeImage(api, 'pushed', 'container-push')];
    for (const image of [container, push]) await signImage(api, image, KEY);
    const [service] = (await api.source.query(
      `insert into signing_service (id, name, class, public_key, pubkey_fingerprint, script)
       values (gen_random_uuid(), 'signer', 'container:ManifestSigningService', 'KEY', 'ABCD', '/bin/sign') returning id`,
    )) as { id: string }[];
    const world = {
      container: container.href,
      digest: container.digest,
      push: push.href,
      pushDigest: push.digest,
      content: await unitsOf(container),
      service: `${ROOT}/signing-services/${service!.id}/`,
      key: KEY,
    };
    const file = join(api.dataDir, 'world.json');
    await writeFile(file, JSON.stringify(world));
    const { code, stdout, stderr } = await clients.program(PROGRAM, file);
    expect([code, stderr.split('\n').slice(-12).join('\n')]).toEqual([0, '']);
    expect(Number(stdout)).toBeGreaterThan(100);
  }, 120_000);
});
