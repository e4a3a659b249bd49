import { describe, expect, it } from 'vitest';
import { S3Presigner } from './s3-presign.js';

const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const signatureOf = (url: string) => new URL(url).searchParams.get('X-Amz-Signature');

describe('a presigned URL', () => {
  const presigner = new S3Presigner(new URL('https://examplebucket.s3.amazonaws.com'), 'us-east-1');
  const now = new Date('2013-05-24T00:00:00.000Z');

  it('has the signature of the example in the documentation of Signature Version 4', () => {
    const url = presigner.get('test.txt', 86_400, credentials, now);
    expect(signatureOf(url)).toBe('aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404');
  });

  it('has another signature on another day, for another secret, and with a session token', () => {
    const first = presigner.get('test.txt', 60, credentials, now);
    const others = [
      presigner.get('test.txt', 60, credentials, new Date('2013-05-25T00:00:00.000Z')),
      presigner.get('test.txt', 60, { ...credentials, secretAccessKey: 'other' }, now),
      presigner.get('test.txt', 60, { ...credentials, sessionToken: 'a/token=' }, now),
    ];
    expect(new Set([first, ...others].map(signatureOf)).size).toBe(4);
    expect(others[2]).toContain('X-Amz-Security-Token=a%2Ftoken%3D');
    expect(presigner.get('test.txt', 60, credentials, now)).toBe(first);
  });

  it('escapes what is not plain in a key, and lives at most a week', () => {
    const url = presigner.get("a b/(c)'+", 1e9, credentials, now);
    expect(url).toContain('/a%20b/%28c%29%27%2B?');
    expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('604800');
  });
});
