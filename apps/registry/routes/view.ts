import type { ServedPath } from '#content/distributions/find-distribution.js';
import type { ReadView } from '#content/read/find-manifest.js';
import { nameUnknown } from '../access/gate.js';

/** What of a repository is read through a distribution. */
export function viewOf(served: Pick<ServedPath, 'repositoryId' | 'pinned' | 'basePath'>): ReadView {
  if (served.repositoryId === null) throw nameUnknown(served.basePath);
  return { repositoryId: served.repositoryId, pinned: served.pinned };
}
