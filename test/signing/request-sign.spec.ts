import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '#platform/identifiers.js';
import { planSigning, type SignRequest } from '#signing/tasks/request-sign.js';
import { HOST, SignWorld } from './sign-world.js';

const SERVICE = newId();
let world: SignWorld;
let repositoryId: string;

beforeAll(async () => {
  world = await SignWorld.open();
  repositoryId = await world.repository({ a: 'image', b: 2 });
});
afterAll(() => world.close());

const plan = (change: Partial<SignRequest> = {}) =>
  planSigning(world.source, world.config, { repositoryId, serviceId: SERVICE, futureBasePath: 'team/app', ...change });

const publish = (path: string) =>
  world.source.query(
    `insert into distribution (id, type, name, base_path, repository_id) values ($1, 'container', $2, $2, $3)`,
    [newId(), path, repositoryId],
  );

it('a service comes from the request, else from the repository, else it is asked for', async () => {
  await expect(plan({ serviceId: null })).rejects.toThrow(
    'This field is required since a signing_service is not set on the repo.',
  );
  const own = newId();
  await world.source.query('update repository set signing_service_id = $2 where id = $1', [repositoryId, own]);
  expect((await plan({ serviceId: null })).serviceId).toBe(own);
  expect((await plan()).serviceId).toBe(SERVICE);
});

it('tags that are not there are refused by name, and so is an empty list; none at all means every tag', async () => {
  expect((await plan()).tagNames).toBeNull();
  expect((await plan({ tagsList: ['a', 'b', 'a'] })).tagNames).toEqual(['a', 'b']);
  await expect(plan({ tagsList: ['a', 'x', 'y'] })).rejects.toThrow(
    "The latest repository version '2' has no image with the tag 'x', 'y'.",
  );
  await expect(plan({ tagsList: [] })).rejects.toThrow('This list may not be empty');
});

it('the path is that of the only distribution, or else must be given', async () => {
  const { futureBasePath: _none, ...bare } = { repositoryId, serviceId: SERVICE, futureBasePath: undefined };
  const needed = 'This field is required since this repo has zero or multiple distributions.';
  await expect(planSigning(world.source, world.config, bare)).rejects.toThrow(needed);
  expect((await plan()).reference).toBe(`${HOST}/team/app`);
  await expect(plan({ futureBasePath: 'Team/App' })).rejects.toThrow('must be a repository name');
  await publish('only/one');
  expect((await planSigning(world.source, world.config, bare)).reference).toBe(`${HOST}/only/one`);
  await expect(plan()).rejects.toThrow('This field cannot be set since this repo has a single distribution.');
  await publish('only/two');
  await expect(planSigning(world.source, world.config, bare)).rejects.toThrow(needed);
  expect((await plan()).reference).toBe(`${HOST}/team/app`);
});

it('a repository that is gone says so', async () => {
  await expect(plan({ repositoryId: newId() })).rejects.toThrow('The repository was deleted.');
});
