import { randomBytes } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { S3Keys } from './s3-keys.js';
import { S3Store } from './s3-store.js';
import { describeBlobStore } from './store-suite.js';
import { NEEDS_VERSITYGW, startVersitygw, type Gateway } from './versitygw.js';

let gateway: Gateway | undefined;
beforeAll(async () => {
  gateway = await startVersitygw();
});
afterAll(() => gateway?.stop());

for (const checksums of ['when_supported', 'when_required'] as const)
  describeBlobStore(
    `S3Store with checksums ${checksums}`,
    async () => {
      if (!gateway) return undefined;
      const settings = { ...gateway.settings, s3Checksums: checksums, s3Prefix: checksums };
      const store = new S3Store(settings);
      const client = new S3Client({
        endpoint: `${settings.s3Endpoint}`,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: { accessKeyId: 'test', secretAccessKey: 'testsecret' },
      });
      const overwrite = async (digest: string, body: Buffer) => {
        const Key = new S3Keys(checksums).blob(digest);
        await client.send(new PutObjectCommand({ Bucket: settings.s3Bucket, Key, Body: body }));
      };
      return {
        store,
        reopened: () => new S3Store(settings),
        truncate: async (digest, size) =>
          overwrite(digest, await store.getBytes(digest, 1e9).then((b) => b.subarray(0, size))),
        overwrite,
      };
    },
    NEEDS_VERSITYGW,
  );

describe('redirects of an S3 store', () => {
  it('leads to the bytes, also to a part of them, and to no other blob', async (context) => {
    if (!gateway) return context.skip(NEEDS_VERSITYGW);
    const store = new S3Store(gateway.settings);
    const [mine, other] = [randomBytes(1000), randomBytes(1000)];
    for (const bytes of [mine, other]) await store.putBytes(digestOf(bytes), bytes);
    const url = (await store.redirectUrl?.(digestOf(mine), 1000, 60)) ?? '';
    expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(mine)).toBe(true);
    const part = await fetch(url, { headers: { range: 'bytes=10-19' } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(mine.subarray(10, 20))).toBe(true);
    const stolen = new URL(url);
    stolen.pathname = new URL((await store.redirectUrl?.(digestOf(other), 1000, 60)) ?? '').pathname;
    expect((await fetch(stolen)).status).toBe(403);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
  });

  it('can be turned off', (context) => {
    if (!gateway) return context.skip(NEEDS_VERSITYGW);
    expect(new S3Store({ ...gateway.settings, s3Redirect: false }).redirectUrl).toBeUndefined();
  });
});

describe('an S3 store that does not answer', () => {
  it('says that it may work later', async () => {
    const store = new S3Store({
      s3Bucket: 'blobs',
      s3Endpoint: 'http://127.0.0.1:9',
      s3Region: 'us-east-1',
      s3AccessKeyId: 'test',
      s3SecretAccessKey: 'test',
      s3Prefix: '',
      s3Checksums: 'when_supported',
      s3Redirect: true,
    });
    await expect(store.size(digestOf('x'))).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
