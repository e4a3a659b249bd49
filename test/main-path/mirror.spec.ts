import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needing } from '../real-clients.js';
import { pushImage, pushIndex, repositoryNamed } from './pushing.js';
import { type Json, must, PASSWORD, startStandalone, type Standalone } from './standalone-process.js';
import { openWorkshop, type Workshop } from './workshop.js';

const clients = needing('gpg');

describe.skipIf(clients.skip)(`a mirror${clients.note}`, () => {
  let upstream: Standalone;
  let mirror: Standalone;
  let workshop: Workshop;

  beforeAll(async () => {
    workshop = await openWorkshop();
    [upstream, mirror] = await Promise.all([startStandalone(), startStandalone()]);
    for (const [at, hallmark] of [upstream, mirror].entries()) await addSigner(hallmark, `signer${at}`);
  }, 180_000);
  afterAll(async () => {
    await Promise.all([upstream?.stop(), mirror?.stop()]);
    await workshop?.close();
  });

  async function addSigner(hallmark: Standalone, name: string): Promise<void> {
    const { fingerprint } = await workshop.makeKey(name);
    const secret = join(workshop.folder, `${name}.key`);
    const words = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', '', '--armor', '--output', secret];
    await must('gpg', [...words, '--export-secret-keys', fingerprint], workshop.env);
    const added = await hallmark.hallmark(['add-signing-service', 'inside', '--builtin', '--private-key', secret]);
    expect(added).toMatchObject({ code: 0 });
  }

  async function mirrorOf(upstreamName: string): Promise<{ href: string; sync: () => Promise<Json> }> {
    const remote = await mirror.call('POST', 'remotes/container/container/', {
      name: upstreamName,
      url: upstream.url,
      upstream_name: upstreamName,
      username: 'admin',
      password: PASSWORD,
    });
    expect(remote.status).toBe(201);
    const made = await mirror.call('POST', 'repositories/container/container/', {
      name: upstreamName,
      remote: remote.body['pulp_href'],
    });
    expect(made.status).toBe(201);
    const href = made.body['pulp_href'] as string;
    return { href, sync: () => mirror.task(`${href}sync/`, {}) };
  }

  const sign = async (hallmark: Standalone, href: string, more: object = {}): Promise<Json> => {
    const { body } = await hallmark.call('GET', 'signing-services/?name=inside');
    const service = (body['results'] as unknown as Json[])[0]!['pulp_href'];
    return hallmark.task(`${href}sign/`, { manifest_signing_service: service, ...more });
  };
  const counts = async (href: string, number: number, part: 'added' | 'present'): Promise<Record<string, number>> => {
    const summary = (await mirror.call('GET', `${href}versions/${number}/`)).body['content_summary'][part];
    return Object.fromEntries(
      Object.entries(summary as unknown as Record<string, { count: number }>).map(([kind, { count }]) => [kind, count]),
    );
  };

  it('of an index of three images and a plain one is signed four times, and keeps what the upstream signs', async () => {
    const children = [
      await pushImage(upstream, 'library/busybox'),
      await pushImage(upstream, 'library/busybox'),
      await pushImage(upstream, 'library/busybox'),
    ];
    await pushIndex(upstream, 'library/busybox', children, 'latest');
    await pushImage(upstream, 'library/busybox', { tag: 'plain', layers: 2 });

    const { href, sync } = await mirrorOf('library/busybox');
    const synced = await sync();
    expect(synced).toMatchObject({ state: 'completed', created_resources: [`${href}versions/1/`] });
    expect(await counts(href, 1, 'added')).toEqual({
      'container.blob': 9,
      'container.manifest': 5,
      'container.tag': 2,
    });

    const refused = await mirror.call('POST', `${href}sign/`, {});
    expect(refused.status).toBe(400);
    expect(await sign(mirror, href, { future_base_path: 'library/busybox' })).toMatchObject({
      state: 'completed',
      created_resources: [`${href}versions/2/`],
    });
    expect(await counts(href, 2, 'added')).toEqual({ 'container.signature': 4 });
    expect(await counts(href, 2, 'present')).toEqual({
      'container.blob': 9,
      'container.manifest': 5,
      'container.signature': 4,
      'container.tag': 2,
    });

    const pushed = await repositoryNamed(upstream, 'library/busybox');
    expect(await sign(upstream, pushed['pulp_href'] as string)).toMatchObject({
      state: 'completed',
      result: { signed: 4 },
    });
    expect(await sync()).toMatchObject({ state: 'completed', created_resources: [`${href}versions/3/`] });
    expect(await counts(href, 3, 'present')).toMatchObject({ 'container.signature': 8 });
    expect(await sync()).toMatchObject({ state: 'completed', created_resources: [] });
    expect(await sign(mirror, href, { future_base_path: 'library/busybox' })).toMatchObject({
      result: { signed: 0, skipped: 4 },
    });
  });

  it('of two indexes that share an image is signed four times too', async () => {
    const [one, two, three] = [
      await pushImage(upstream, 'library/shared'),
      await pushImage(upstream, 'library/shared'),
      await pushImage(upstream, 'library/shared'),
    ];
    await pushIndex(upstream, 'library/shared', [one, two], 'a');
    await pushIndex(upstream, 'library/shared', [two, three], 'b');
    const { href, sync } = await mirrorOf('library/shared');
    expect(await sync()).toMatchObject({ state: 'completed' });
    expect(await counts(href, 1, 'added')).toMatchObject({ 'container.manifest': 5, 'container.tag': 2 });
    expect(await sign(mirror, href, { future_base_path: 'library/shared' })).toMatchObject({
      result: { signed: 4, skipped: 0, failed: [] },
    });
    expect(await counts(href, 2, 'added')).toEqual({ 'container.signature': 4 });
  });
});
