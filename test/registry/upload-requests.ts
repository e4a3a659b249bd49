import { expect, vi } from 'vitest';
import { type Answer, type RegistryProcess } from './registry-process.js';

/** The repository of uploads that name no other. */
const REPOSITORY = 'team/uploads';

/** Path and query of the upload that an answer leads to. */
export function pathOf(answer: Answer): string {
  const url = new URL(answer.headers.get('location')!);
  return url.pathname + url.search;
}

/** Id of the upload that a path leads to. */
export const idOf = (location: string) => /blobs\/uploads\/([0-9a-f-]+)/.exec(location)![1]!;

/** Does something as it was done some hours ago. */
export async function hoursAgo<T>(hours: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - hours * 3_600_000 });
  try {
    return await work();
  } finally {
    vi.useRealTimers();
  }
}

/** The requests of an upload; the registry may be started later. */
export function uploads(started: () => RegistryProcess) {
  async function start(name = REPOSITORY, query = '', as = 'admin'): Promise<string> {
    const answer = await started().request('POST', `/v2/${name}/blobs/uploads/${query}`, { as });
    expect(answer.status).toBe(202);
    return pathOf(answer);
  }

  const chunk = (location: string, bytes: Buffer, from: number, extra: Record<string, string> = {}) =>
    started().request('PATCH', location, {
      body: bytes,
      headers: { 'content-range': `${from}-${from + bytes.length - 1}`, ...extra },
    });

  const close = (location: string, digest: string, body?: Buffer, headers: Record<string, string> = {}) =>
    started().request('PUT', `${location}&digest=${digest}`, { body, headers });

  return { start, chunk, close };
}
