// Writes docs/api.json from the controllers and docs/pulp-compatibility.md from that and the list of Pulp's operations.
// Usage: node scripts/write-compatibility.mjs
// scripts/pulp-operations.json holds the operations of the published bindings pulpcore-client 3.123.1 and
// pulp-container-client 2.30.0, each as `METHOD path`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');

/** Why operations of Pulp are not there. Each missing one must match. */
const LEFT_OUT = [
  [
    /^GET \/token\/$/,
    'Tokens',
    'Served by the registry at `/token/`, where container clients ask for it; not a REST operation.',
  ],
  [
    /build_image/,
    'Building images',
    'Images are built by build tools and pushed; a registry that builds runs code of strangers beside its keys.',
  ],
  [
    /open_?p_?g_?p/i,
    'OpenPGP keyrings',
    'A tech preview of Pulp that no signature check uses. Keys to trust belong to trust policies.',
  ],
  [
    /vulnerability_report/,
    'Vulnerability reports',
    'Scanning is left to scanners. The list, which repositories link to, is there and empty; there is nothing to delete.',
  ],
  [
    /env_?var_header/i,
    'Guard by environment variable',
    'Reads variables of the WSGI server, which is not here. Use a header guard.',
  ],
  [
    /artifact_distribution|distributions\/core\/artifacts/,
    'Distributions of artifacts',
    'Only plugins that serve plain files use them.',
  ],
  [
    /profile_artifacts/,
    'Profiles of tasks',
    'They are profiles of Python code. Metrics and logs with the correlation id take their place.',
  ],
  [/domain/, 'Writing domains', 'There is one domain, `default`, which Pulp does not let anybody change either.'],
];

const DIFFERENCES = [
  'Signatures of all formats are content units. `type` is `atomic` for simple signatures, as in Pulp; others say their format. Members that Pulp never leaves empty (`key_id`, `creator`, `timestamp`, `signed_manifest`) are empty or 0, never null, so that generated clients read them.',
  'Signatures follow what they sign: copying a tag or manifest copies its signatures beside those that the destination has, removing it removes them.',
  'A signature is verified before it is stored by a sign task, and its digest must be that of the manifest.',
  '`sign/` also takes `force` and `sign_lists`, and skips what the key signed already.',
  '`reserved_resources_record` of tasks names each resource twice, by path and by PRN.',
  'Regular expressions in filters run under a time limit; one that takes too long is answered with 400.',
  'Errors in bodies name every member in question at once. Bodies are JSON or forms up to 4 MiB and 32 levels; larger ones are 413.',
  'No member of a response is `required` in the document, since `fields` and `exclude_fields` choose among them. `OPTIONS` answers everybody with what a path allows; Pulp answers only whom a policy lets ask for `metadata`.',
  'Who dispatched a task has the rights of `core.task_owner` on it without a role. A group is cancelled by who may change all its unfinished tasks. A purge also takes task groups that have no tasks left.',
  'Objects that a caller may not see are 404 for every method, also below repositories.',
  'The last administrator can be neither deleted nor deactivated (409).',
  'A content guard that a distribution names is obeyed by everything that the registry serves there, manifests and lists too, beside the right to pull. `content_redirect`, the default, lets pass whoever the registry itself lets in; there are no signed URLs. `jq_filter` takes paths of jq. A guard in use cannot be deleted (409).',
  'Deleting a repository version moves what it added to the next one, at the cost of what it changed.',
  '`?pk_path=1`, `?bindings` and `?component=` work as in Pulp; formats of paths are `uri-reference`.',
];

const code = (operations) => operations.map((operation) => `- \`${operation}\``).join('\n');

/** All operations of a document, each as `METHOD path`. */
function operationsOf(document) {
  return Object.entries(document.paths)
    .flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`))
    .sort();
}

/** The page, from the API document and Pulp's operations by app; throws when something is left out without a reason. */
export function compatibilityPage(document, pulp) {
  const ours = operationsOf(document);
  const theirs = Object.values(pulp).flat();
  const [have, know] = [new Set(ours), new Set(theirs)];
  const missing = theirs.filter((operation) => !have.has(operation));
  const reasons = LEFT_OUT.map(([pattern, name, why]) => [name, why, missing.filter((each) => pattern.test(each))]);
  const unexplained = missing.filter((operation) => !LEFT_OUT.some(([pattern]) => pattern.test(operation)));
  if (unexplained.length > 0) throw new Error(`Left out without a reason: ${unexplained.join(', ')}`);
  const counts = Object.entries(pulp).map(
    ([app, all]) => `| ${app} | ${all.length} | ${all.filter((each) => have.has(each)).length} |`,
  );
  return `# Compatibility with Pulp

Written by \`scripts/write-compatibility.mjs\` from [api.json](api.json), which is written from the controllers. Compared with
the operations of the published clients \`pulpcore-client\` 3.123.1 and \`pulp-container-client\` 2.30.0.

| App | Operations of Pulp | here |
| --- | --: | --: |
${counts.join('\n')}

## Left out

| What | Operations | Why |
| --- | --: | --- |
${reasons
  .filter(([, , operations]) => operations.length > 0)
  .map(([name, why, operations]) => `| ${name} | ${operations.length} | ${why} |`)
  .join('\n')}

## Different on purpose

${DIFFERENCES.map((difference) => `- ${difference}`).join('\n')}

## Beyond Pulp

${code(ours.filter((operation) => !know.has(operation)))}

## There as in Pulp

${code(ours.filter((operation) => know.has(operation)))}
`;
}

/** The API document as it is kept: without an origin. */
export async function writtenDocument() {
  await import('../test/tasks/typescript-hooks.mjs');
  await import('reflect-metadata');
  const [{ API_CONTROLLERS }, { routesOf }, { buildDocument }] = await Promise.all(
    ['api.module', 'rest/openapi/routes', 'rest/openapi/document'].map(
      (name) => import(pathToFileURL(join(root, `apps/api/${name}.ts`)).href),
    ),
  );
  return JSON.parse(JSON.stringify(buildDocument(routesOf(API_CONTROLLERS), { origin: '' })));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const document = await writtenDocument();
  const pulp = JSON.parse(readFileSync(join(import.meta.dirname, 'pulp-operations.json'), 'utf8'));
  writeFileSync(join(root, 'docs/api.json'), `${JSON.stringify(document, null, 1)}\n`);
  writeFileSync(join(root, 'docs/pulp-compatibility.md'), compatibilityPage(document, pulp));
}
