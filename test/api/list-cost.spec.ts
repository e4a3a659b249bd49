import { describe, expect, it } from 'vitest';
import { rowsOf } from '#platform/database.js';
import { addManyTags } from '../../bench/grow-repository.js';
import { ROOT, startApi, type ApiProcess } from './api-process.js';
import { CountingStatements, type Statement } from './counting-statements.js';
import { storeImage, type StoredImage } from './stored-content.js';

/** Names that contain `g-777` are 1 of 1,000 and 11 of 30,000; each is found, looked at and shown. */
const FOUND = 100;

interface PlanNode {
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Rows that the steps of a plan passed on or threw away. */
const rowsIn = (node: PlanNode): number =>
  node['Actual Loops'] *
    (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) +
  (node.Plans ?? []).reduce((sum, part) => sum + rowsIn(part), 0);

async function rowsRead(api: ApiProcess, { text, values }: Statement): Promise<number> {
  if (text.startsWith('set ')) return 0;
  const explain = `explain (analyze, format json) ${text}`;
  const [row] = await rowsOf<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(api.source, explain, values);
  return rowsIn(row!['QUERY PLAN'][0].Plan);
}

/** Lists that all rows must be looked at for, and pages that all rows before are passed for: done once, and then known. */
const askedAgain = ({ href, digest }: StoredImage, tags: number): Record<string, string> => {
  const of = `&repository_version=${href}versions/1/`;
  const filters = {
    'with one letter': 'name__contains=g',
    'with a letter of any case': 'name__icontains=G',
    'that start so': 'name__startswith=tag-',
    'that start so in any case': 'name__istartswith=TAG-',
    'by pattern': 'name__regex=^tag-.*$',
    'by pattern, in any case': 'name__iregex=^TAG-[0-9]*7$',
    'that two of a thousand are': 'name__regex=^tag-77.$',
    'of a media type': 'media_type=application/vnd.oci.image.manifest.v1%2Bjson',
    'of manifests': `digest=${digest}`,
    'without a label': 'pulp_label_select=!rare',
    'with a label': 'pulp_label_select=rare',
    'by expression': 'q=NOT name="tag-7" AND (name__contains=g OR name__contains=h)',
    'in the middle': `offset=${tags / 2 - 50}`,
    'in the middle of what is filtered': `name__contains=g&offset=${tags / 2 - 50}`,
    'near the end': `offset=${tags * 0.9 - 50}`,
  };
  const both = Object.entries(filters).flatMap(([what, query]) => [
    [`tags ${what}`, `content/container/tags/?limit=100&${query}`],
    [`tags of a version ${what}`, `content/container/tags/?limit=100&${query}${of}`],
  ]);
  return {
    ...Object.fromEntries(both),
    'manifests by digest': `content/container/manifests/?limit=100&digest__in=${digest}`,
    'manifests of a media type': `content/container/manifests/?limit=100&media_type=application/vnd.oci.image.manifest.v1%2Bjson`,
    'content of one kind': 'content/?limit=100&pulp_type=container.tag',
    'content in the middle': `content/?limit=100&offset=${tags}`,
  };
};

const listsOf = ({ href, digest }: StoredImage): Record<string, string> => {
  const version = `${href}versions/1/`;
  return {
    tags: 'content/container/tags/?limit=100',
    'tags by name': 'content/container/tags/?limit=100&ordering=name',
    'tags of a version': `content/container/tags/?limit=100&repository_version=${version}`,
    'tags that a version added': `content/container/tags/?limit=100&repository_version_added=${version}`,
    'tags that contain': 'content/container/tags/?limit=100&name__contains=g-777',
    'tags that contain, in any case': 'content/container/tags/?limit=100&name__icontains=G-777',
    'tags that are, in any case': 'content/container/tags/?limit=100&name__iexact=TAG-777',
    'tags of a version that contain': `content/container/tags/?limit=100&name__contains=g-777&repository_version=${version}`,
    'one tag': 'content/container/tags/?name=tag-777',
    manifests: 'content/container/manifests/?limit=100',
    'manifests of a version': `content/container/manifests/?limit=100&repository_version=${version}`,
    'one manifest': `content/container/manifests/?digest=${digest}`,
    'content of every kind': 'content/?limit=100',
  };
};

/** Rows that each list reads in a repository of so many tags. */
async function costsWith(tags: number): Promise<Record<string, number>> {
  const api = await startApi();
  try {
    const image = await storeImage(api, 'large');
    await addManyTags(api.source, 'large', image.digest, tags);
    await api.source.query('vacuum analyze');
    const counting = new CountingStatements(api.source);
    const costs: Record<string, number> = {};
    const again = askedAgain(image, tags);
    // A page near the end passes over a tenth of the rows.
    for (let turn = 0; turn < 12; turn++)
      for (const path of Object.values(again)) await api.get(`${ROOT}/${path}&fields=pulp_href`);
    for (const [list, path] of Object.entries({ ...listsOf(image), ...again })) {
      const statements = await counting.during(async () => {
        expect((await api.get(`${ROOT}/${path}`)).status, list).toBe(200);
      });
      costs[list] = 0;
      for (const statement of statements) costs[list] += await rowsRead(api, statement);
    }
    return costs;
  } finally {
    await api.close();
  }
}

describe('what a page of a list costs', () => {
  it('does not grow with what is there: thirty times the tags are not twice the rows read', async () => {
    const few = await costsWith(1_000);
    const many = await costsWith(30_000);
    for (const [list, cost] of Object.entries(many)) {
      expect(few[list], list).toBeGreaterThan(0);
      expect(cost, `${list}: ${few[list]} rows of 1,000 tags`).toBeLessThanOrEqual(2 * few[list]! + FOUND);
    }
  }, 120_000);
});
