import { RemoteEntity } from './remotes/remote.entity.js';

/** Tables of this lib. */
export const transferEntities: Function[] = [RemoteEntity];
