import { Inject, RequestTimeoutException } from '@nestjs/common';
import { Readable } from 'node:stream';
import { diffVersions, type VersionDifference } from '#content/read/diff-versions.js';
import { isTagName } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { parseRanges } from '#storage/byte-ranges.js';
import { OciLayouts } from '#transfer/oci-layout/oci-layouts.js';
import { timelyChunks } from '../rest/body/timely-chunks.js';
import { Context, type RestContext } from '../rest/context.js';
import { badField, noMatch } from '../rest/errors.js';
import { requireKeyOf } from '../rest/keys.js';
import { hrefTo, locate, prnOf } from '../rest/models.js';
import { GetRoute, PostRoute } from '../rest/operation.js';
import type { Resource } from '../rest/resource.js';
import { RestHost } from '../rest/rest-controller.js';
import { DIFFERENCE_SCHEMA } from './difference-schema.js';

const text = { type: 'string' };

/** What moves whole versions in and out, the same for both types of repositories. */
abstract class LayoutHost extends RestHost {
  protected abstract readonly repositories: Resource;

  @Inject(OciLayouts)
  protected readonly layouts: OciLayouts;

  protected async repositoryId(id: string): Promise<string> {
    await this.rest.demandExists(this.repositories, id);
    return requireKeyOf(this.repositories, id);
  }
}

/** Versions as archives, and what they differ in. */
export abstract class VersionLayouts extends LayoutHost {
  /** Streams a version as an OCI image layout; ranges and conditions as RFC 9110 has them. */
  @GetRoute(':number/oci-layout.tar', {
    action: 'read',
    name: 'oci_layout',
    summary: 'Export as an OCI image layout',
    answers: { 200: { schema: 'OciLayout', of: { type: 'string', format: 'binary' } } },
    produces: 'application/x-tar',
    query: [
      { name: 'tags', schema: text, description: 'Only these tags, separated by commas.' },
      {
        name: 'signatures',
        schema: { type: 'boolean' },
        description: 'Signatures and other referrers too; default true.',
      },
    ],
  })
  async layout(@Context() context: RestContext): Promise<Readable | undefined> {
    const { repositoryId, number } = await this.version(context);
    const view = { repositoryId, pinned: number };
    const opened = await this.layouts.openExport({ view, ...readSelection(context) });
    const { reply, request } = context;
    void reply.headers({ etag: opened.etag, 'accept-ranges': 'bytes', 'cache-control': 'no-transform' });
    if (request.headers['if-none-match']?.split(',').some((tag) => tag.trim() === opened.etag))
      return end(context, 304);
    const conditional = request.headers['if-range'];
    const ranges =
      conditional === undefined || conditional === opened.etag
        ? parseRanges(request.headers.range, opened.length)
        : 'all';
    if (ranges === 'unsatisfiable') {
      void reply.header('content-range', `bytes */${opened.length}`);
      return end(context, 416);
    }
    const [range, more] = ranges === 'all' ? [] : ranges;
    const part = range && !more ? range : undefined;
    const name = opened.path.replaceAll(/[^\w.-]+/g, '-');
    void reply.headers({
      'content-type': 'application/x-tar',
      'content-disposition': `attachment; filename="${name}-v${view.pinned}.tar"`,
      'content-length': part ? part.end - part.start + 1 : opened.length,
      ...(part ? { 'content-range': `bytes ${part.start}-${part.end}/${opened.length}` } : {}),
    });
    void reply.status(part ? 206 : 200);
    return request.method === 'HEAD' ? end(context) : opened.stream(part, { reusesBuffers: true });
  }

  /** What a version has that `base` (href or number; default: the version before) has not. */
  @GetRoute(':number/diff', {
    action: 'read',
    name: 'diff',
    summary: 'Compare with another version',
    answers: { 200: { schema: 'VersionDifference', of: DIFFERENCE_SCHEMA } },
    query: [
      {
        name: 'base',
        schema: text,
        description: 'Href or number of the version to compare with; default: the one before.',
      },
    ],
  })
  async diff(@Context() context: RestContext): Promise<VersionDifference & { base: string; version: string }> {
    const { repositoryId, number: version } = await this.version(context);
    const base = await this.baseOf(context, repositoryId, version);
    const href = (number: number) => `${hrefTo(this.repositories.model, repositoryId)}versions/${number}/`;
    return {
      base: href(base),
      version: href(version),
      ...(await diffVersions(this.rest.source, repositoryId, base, version)),
    };
  }

  private async version(context: RestContext): Promise<{ repositoryId: string; number: number }> {
    const repositoryId = await this.repositoryId(context.param('repository'));
    const number = context.param('number');
    if (!/^\d{1,9}$/.test(number) || !(await this.hasVersion(repositoryId, Number(number))))
      throw noMatch('RepositoryVersion');
    return { repositoryId, number: Number(number) };
  }

  private async hasVersion(repositoryId: string, number: number): Promise<boolean> {
    const sql = 'select 1 from repository_version where repository_id = $1 and number = $2';
    return (await rowsOf(this.rest.source, sql, [repositoryId, number])).length > 0;
  }

  private async baseOf(context: RestContext, repositoryId: string, version: number): Promise<number> {
    const given = context.query.get('base')?.at(-1);
    if (given === undefined || given === '') return this.versionBefore(repositoryId, version);
    const located = locate(given);
    const own = located && 'number' in located && located.repository.toLowerCase() === repositoryId;
    const number = own ? located.number : Number(/^\d{1,9}$/.exec(given)?.[0]);
    if (!Number.isInteger(number) || !(await this.hasVersion(repositoryId, number)))
      throw badField('base', 'It must be the href or the number of a version of the same repository.');
    return number;
  }

  private async versionBefore(repositoryId: string, version: number): Promise<number> {
    const sql = 'select max(number) as number from repository_version where repository_id = $1 and number < $2';
    const [row] = await rowsOf<{ number: number | null }>(this.rest.source, sql, [repositoryId, version]);
    return row?.number ?? version;
  }
}

/** Archives that come in. */
export abstract class LayoutImports extends LayoutHost {
  /** Takes an archive in and answers with the task that imports it. */
  @PostRoute(':id/import', {
    action: 'tag',
    name: 'import',
    summary: 'Import an OCI image layout; the archive is the body',
    answers: { 202: 'task' },
  })
  async import(@Context() context: RestContext): Promise<{ task: string }> {
    const repositoryId = await this.repositoryId(context.param('id'));
    const length = Number(context.request.headers['content-length']);
    const body = Readable.from(timelyChunks(context.request.raw, { idleMs: this.rest.idleMs }), { objectMode: false });
    try {
      const task = await this.layouts.startImport(body, {
        repositoryId,
        exclusive: [prnOf(this.repositories.model, repositoryId)],
        ...(context.userId === undefined ? {} : { createdBy: context.userId }),
        length: Number.isSafeInteger(length) ? length : undefined,
      });
      return { task: hrefTo('core.task', task.id) };
    } catch (error) {
      const { cause } = error as Error;
      throw cause instanceof RequestTimeoutException ? cause : error;
    } finally {
      body.destroy();
    }
  }
}

function end(context: RestContext, status?: number): undefined {
  if (status !== undefined) void context.reply.status(status);
  void context.reply.send();
  return undefined;
}

function readSelection(context: RestContext): { tags?: string[]; signatures: boolean } {
  const tags = context.query
    .get('tags')
    ?.flatMap((list) => list.split(','))
    .filter((tag) => tag !== '');
  const wrong = tags?.find((tag) => !isTagName(tag));
  if (wrong !== undefined) throw badField('tags', `'${wrong.slice(0, 128)}' is not a tag.`);
  const signatures = context.query.get('signatures')?.at(-1)?.toLowerCase() ?? 'true';
  if (!['true', 'false', '1', '0'].includes(signatures)) throw badField('signatures', 'Must be true or false.');
  return { ...(tags === undefined ? {} : { tags }), signatures: ['true', '1'].includes(signatures) };
}
