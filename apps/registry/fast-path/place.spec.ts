import { describe, expect, it } from 'vitest';
import type { ServedPath } from '#content/distributions/find-distribution.js';
import { targetOf } from '#content/distributions/path-rights.js';
import { BELIEVED_MS, Place } from './place.js';

const SERVED: ServedPath = {
  distributionId: 'd1',
  namespaceId: null,
  basePath: 'team/app',
  private: false,
  repositoryId: 'r1',
  repositoryType: 'container-push',
  pinned: null,
  head: 1,
  revision: 1,
  remoteId: null,
  parentId: null,
  trustPolicyId: null,
  trustPolicyStamp: null,
  contentGuardId: null,
};
const pathOf = (served: ServedPath | undefined) => ({
  served,
  target: targetOf('team/app', undefined, served),
  guardId: null,
});

function known(served: ServedPath | undefined): Place {
  const place = new Place('team/app');
  place.learnPath(pathOf(served), 0);
  return place;
}

describe('where a push goes', () => {
  it('is known for a second, new content or not', () => {
    const place = known(SERVED);
    place.doubtContent();
    expect(place.path(BELIEVED_MS - 1)?.served?.repositoryId).toBe('r1');
    expect(place.path(BELIEVED_MS)).toBeUndefined();
  });

  it('is read again when the distribution may have changed', () => {
    const place = known(SERVED);
    place.doubt();
    expect(place.path(1)).toBeUndefined();
  });

  it('follows the distribution when that is read in the background', () => {
    const place = known(SERVED);
    place.refreshPath({ ...SERVED, private: true }, 900);
    expect(place.path(1500)?.target.distribution?.private).toBe(true);
    place.refreshPath(undefined, 1000);
    expect(place.path(1001)).toBeUndefined();
  });

  it.each([
    ['nothing', undefined],
    ['a distribution without a repository', { ...SERVED, repositoryId: null }],
    ['a child of a pull-through distribution', { ...SERVED, parentId: 'p1' }],
    ['what a trust policy guards', { ...SERVED, trustPolicyId: 't1', trustPolicyStamp: '7' }],
    ['another path', { ...SERVED, basePath: 'team/other' }],
  ] as const)('is read each time where there is %s', (_what, served) => {
    expect(known(served).path(1)).toBeUndefined();
  });
});
