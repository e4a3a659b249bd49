import { Initial1795268000087 } from './1795268000087-initial.js';
import { ContentGuards1795273355540 } from './1795273355540-content-guards.js';
import { ContentCounts1795273420834 } from './1795273420834-content-counts.js';
import { ContentState1795284000000 } from './1795284000000-content-state.js';
import { FewerPushIndexes1795297551875 } from './1795297551875-fewer-push-indexes.js';
import { BlobBytes1795310000000 } from './1795310000000-blob-bytes.js';

/** All migrations, oldest first. A merged one is never edited. */
export const migrations: Function[] = [
  Initial1795268000087,
  ContentGuards1795273355540,
  ContentCounts1795273420834,
  ContentState1795284000000,
  FewerPushIndexes1795297551875,
  BlobBytes1795310000000,
];
