import { beforeAll, describe, type TestContext } from 'vitest';
import type { StoreUnderTest } from './suite-bytes.js';
import { hostileInput } from './suite-hostile-input.js';
import { storedBlobs } from './suite-stored-blobs.js';
import { uploadSessions } from './suite-upload-sessions.js';

/** The one suite that every {@link BlobStore} must pass; the factory gets the context so that it can skip for a missing tool. */
export function describeBlobStore(name: string, factory: () => Promise<StoreUnderTest | undefined>, hint = ''): void {
  describe(`${name} as a blob store`, () => {
    let made: StoreUnderTest | undefined;
    beforeAll(async () => {
      made = await factory();
    });
    const under = (context: TestContext): StoreUnderTest => made ?? context.skip(hint);
    describe('stored blobs', () => {
      storedBlobs(under);
    });
    describe('upload sessions', () => {
      uploadSessions(under);
    });
    describe('hostile input and damage', () => {
      hostileInput(under);
    });
  });
}
