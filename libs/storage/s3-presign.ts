import { createHash, createHmac } from 'node:crypto';

/** Keys that sign for S3. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const encode = (text: string) =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Presigns GET requests (AWS Signature Version 4, query string); the key of the day is derived once. */
export class S3Presigner {
  #day: { id: string; key: Buffer } | undefined;

  /** `base` is the URL of the bucket without a slash at its end. */
  constructor(
    private readonly base: URL,
    private readonly region: string,
  ) {}

  /** A URL that gives the object to anyone for some seconds. */
  get(key: string, expiresInSeconds: number, credentials: S3Credentials, now = new Date()): string {
    const time = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
    const scope = `${time.slice(0, 8)}/${this.region}/s3/aws4_request`;
    const path = `${this.base.pathname.replace(/\/$/, '')}/${key.split('/').map(encode).join('/')}`;
    const parameters: [string, string][] = [
      ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
      ['X-Amz-Credential', `${credentials.accessKeyId}/${scope}`],
      ['X-Amz-Date', time],
      ['X-Amz-Expires', String(Math.min(604_800, Math.max(1, Math.floor(expiresInSeconds))))],
      ...(credentials.sessionToken ? [['X-Amz-Security-Token', credentials.sessionToken] as [string, string]] : []),
      ['X-Amz-SignedHeaders', 'host'],
    ];
    const query = parameters.map(([name, value]) => `${name}=${encode(value)}`).join('&');
    const request = `GET\n${path}\n${query}\nhost:${this.base.host}\n\nhost\nUNSIGNED-PAYLOAD`;
    const hashed = createHash('sha256').update(request).digest('hex');
    const signature = hmac(
      this.#dayKey(time.slice(0, 8), credentials),
      `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hashed}`,
    ).toString('hex');
    return `${this.base.origin}${path}?${query}&X-Amz-Signature=${signature}`;
  }

  #dayKey(day: string, { secretAccessKey }: S3Credentials): Buffer {
    const id = `${day} ${secretAccessKey}`;
    if (this.#day?.id !== id) {
      const key = [this.region, 's3', 'aws4_request'].reduce(
        (key, part) => hmac(key, part),
        hmac(`AWS4${secretAccessKey}`, day),
      );
      this.#day = { id, key };
    }
    return this.#day.key;
  }
}
