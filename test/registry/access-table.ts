import { newId } from '#platform/identifiers.js';
import { type Answer, sha } from './registry-process.js';

/** Every endpoint of a repository with the right that it takes; each is asked for something that changes nothing. */
export const endpoints = (
  name: string,
  image: string,
  layer: string,
): readonly (readonly [right: 'pull' | 'push' | 'delete', method: string, path: string])[] => [
  ['pull', 'GET', `/v2/${name}/tags/list`],
  ['pull', 'GET', `/v2/${name}/manifests/v1`],
  ['pull', 'HEAD', `/v2/${name}/manifests/${image}`],
  ['pull', 'GET', `/v2/${name}/blobs/${layer}`],
  ['pull', 'HEAD', `/v2/${name}/blobs/${layer}`],
  ['pull', 'GET', `/v2/${name}/referrers/${image}`],
  ['pull', 'GET', `/v2/${name}/_oras/artifacts/referrers?digest=${image}`],
  ['pull', 'GET', `/v2/_ext/oci-artifacts/v1/${name}/manifests/v1/links?artifact-type=x`],
  ['pull', 'GET', `/v2/_ext/oci-artifacts/v1/${name}/manifests/v1/references`],
  ['pull', 'GET', `/v2/_ext/oci-artifacts/v1-rc1/${name}/manifests/v1/referrers`],
  ['pull', 'GET', `/extensions/v2/${name}/signatures/${image}`],
  ['pull', 'HEAD', `/extensions/v2/${name}/signatures/${image}`],
  ['pull', 'GET', `/lookaside/${name}@${image.replace(':', '=')}/signature-1`],
  ['pull', 'GET', `/pulp/container/${name}/blobs/${layer}`],
  ['pull', 'HEAD', `/pulp/container/${name}/blobs/${layer}`],
  ['push', 'POST', `/v2/${name}/blobs/uploads/`],
  ['push', 'POST', `/v2/${name}/blobs/uploads/?mount=${sha('x')}&from=alice/public`],
  ['push', 'GET', `/v2/${name}/blobs/uploads/${newId()}`],
  ['push', 'PATCH', `/v2/${name}/blobs/uploads/${newId()}`],
  ['push', 'PUT', `/v2/${name}/blobs/uploads/${newId()}?digest=${sha('x')}`],
  ['push', 'DELETE', `/v2/${name}/blobs/uploads/${newId()}`],
  ['push', 'PUT', `/v2/${name}/manifests/v1`],
  ['push', 'PUT', `/extensions/v2/${name}/signatures/${sha('x')}`],
  ['delete', 'DELETE', `/v2/${name}/manifests/nothing`],
  ['delete', 'DELETE', `/v2/${name}/manifests/${sha('nothing')}`],
  ['delete', 'DELETE', `/v2/${name}/blobs/${sha('nothing')}`],
];

/** What each caller gets for each right on a private repository: in, or the status of the refusal. */
export const POLICY = {
  anonymous: { pull: 401, push: 401, delete: 401 },
  'another account': { pull: 404, push: 403, delete: 403 },
  'the owner': { pull: 'in', push: 'in', delete: 'in' },
  'the superuser': { pull: 'in', push: 'in', delete: 'in' },
  'a token to pull': { pull: 'in', push: 401, delete: 401 },
  'a token to push': { pull: 'in', push: 'in', delete: 'in' },
  'a token of another account': { pull: 401, push: 401, delete: 401 },
  'a token for another repository': { pull: 401, push: 401, delete: 401 },
  'an anonymous token': { pull: 401, push: 401, delete: 401 },
  'an expired token': { pull: 401, push: 401, delete: 401 },
  'a wrong password': { pull: 401, push: 401, delete: 401 },
} as const;

/** Whether a request was let in, whatever became of it then. */
export const entered = (answer: Answer) => {
  const refused = [401, 403, 429].includes(answer.status) || answer.code === 'NAME_UNKNOWN';
  return refused || (answer.status === 404 && answer.bytes.length === 0) ? answer.status : 'in';
};
