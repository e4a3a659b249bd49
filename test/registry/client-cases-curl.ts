import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bench, Cases } from './client-bench.js';
import { basic, sha, someBytes } from './registry-process.js';

/** The requests of docker (chunks) and of containerd (one PUT), by hand. */
export function curlCases({ home, host }: Bench, how: 'chunks' | 'put'): Cases {
  const name = `clients/curl-${how}`;
  const blob = someBytes(200_000);
  const config = Buffer.from('{}');
  const file = join(home.folder, `${how}.bin`);
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const describe = (bytes: Buffer, mediaType: string) => ({ mediaType, digest: sha(bytes), size: bytes.length });
  const subject = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: describe(config, 'application/vnd.oci.empty.v1+json'),
      layers: [describe(blob, 'application/octet-stream')],
    }),
  );
  const curl = (method: string, path: string, ...args: string[]) => {
    const url = path.startsWith('http') ? path : `http://${host}/v2/${path}`;
    const account = `Authorization: ${basic('admin')}`;
    return home.run('curl', '-sSf', '-i', '-X', method, '-H', account, ...args, url);
  };
  const locationIn = (answer: string) => /^Location: (\S+)/im.exec(answer)![1]!;
  const begin = async () => locationIn(await curl('POST', `${name}/blobs/uploads/`, '-H', 'Content-Length: 0'));
  async function upload(bytes: Buffer): Promise<void> {
    await writeFile(file, bytes);
    const octets = ['-H', 'Content-Type: application/octet-stream'];
    const location = await begin();
    if (how === 'put') return void (await curl('PUT', `${location}&digest=${sha(bytes)}`, ...octets, '-T', file));
    const patched = await curl('PATCH', location, ...octets, '-H', 'Transfer-Encoding: chunked', '-T', file);
    await curl('PUT', `${locationIn(patched)}&digest=${sha(bytes)}`, '-H', 'Content-Length: 0');
  }
  async function put(bytes: Buffer, reference: string): Promise<void> {
    await writeFile(file, bytes);
    await curl('PUT', `${name}/manifests/${reference}`, '-H', `Content-Type: ${type}`, '--data-binary', `@${file}`);
  }
  return {
    async push() {
      for (const bytes of [blob, config]) await upload(bytes);
      await put(subject, 'v1');
    },
    async pull() {
      expect(await curl('GET', `${name}/manifests/v1`)).toContain(subject.toString());
      await curl('GET', `${name}/blobs/${sha(blob)}`, '-o', join(home.folder, 'back'), '-r', '0-');
    },
    'list tags': async () => expect(await curl('GET', `${name}/tags/list`)).toContain('["v1"]'),
    async mount() {
      await curl('POST', `${name}-mounted/blobs/uploads/?mount=${sha(blob)}&from=${name}`, '-H', 'Content-Length: 0');
    },
    async attach() {
      const artifact = {
        ...(JSON.parse(subject.toString()) as object),
        artifactType: 'text/x',
        subject: describe(subject, type),
      };
      const bytes = Buffer.from(JSON.stringify(artifact));
      await put(bytes, sha(bytes));
      expect(await curl('GET', `${name}/referrers/${sha(subject)}`)).toContain(sha(bytes));
    },
    async delete() {
      await curl('DELETE', `${name}/manifests/v1`);
      await curl('DELETE', `${name}/manifests/${sha(subject)}`);
      await curl('DELETE', `${name}/blobs/${sha(blob)}`);
    },
  };
}
