import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { findClient } from '../../scripts/clients.mjs';
import { needing } from '../real-clients.js';
import { runTool } from './run-tool.js';

const CHART = join(import.meta.dirname, '../../deploy/chart');
const values = readFileSync(join(CHART, 'values.yaml'), 'utf8');
const templates = readdirSync(join(CHART, 'templates'))
  .map((name) => readFileSync(join(CHART, 'templates', name), 'utf8'))
  .join('\n');
const helm = findClient('helm');
const validate = findClient('kubernetes-validate');
const withHelm = needing('helm');
const withBoth = needing('helm', 'kubernetes-validate');

/** Every way to set the chart that differs in what is made. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  'as it comes': [],
  'with a bucket': ['storage.type=s3', 'storage.s3.bucket=b', 'secrets.s3.name=s3', 'secrets.redis.name='],
  'with everything on': [
    'autoscaling.enabled=true',
    'ingress.enabled=true',
    'ingress.tlsSecret=tls',
    'secrets.signing.name=keys',
    'secrets.database.directUrlKey=direct',
    'networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring',
    'networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.name=ingress',
  ],
  'with everything off': [
    'networkPolicy.enabled=false',
    'podDisruptionBudget.enabled=false',
    'serviceAccount.create=false',
    'storage.file.existingClaim=mine',
  ],
};

const render = (way: readonly string[]) =>
  runTool(helm!, ['template', 'test', CHART, ...way.flatMap((each) => ['--set', each])]);

interface Rendered {
  readonly kind: string;
  readonly spec?: {
    readonly template?: { readonly spec: { containers: { securityContext?: object }[]; enableServiceLinks?: boolean } };
  };
}

describe('the chart', () => {
  it('explains every top-level value', () => {
    const lines = values.split('\n');
    const silent = lines.filter((line, at) => /^\w+:/.test(line) && !lines[at - 1]?.startsWith('#'));
    expect(silent).toEqual([]);
  });

  it('uses every value that it offers, and offers every value that it uses', () => {
    const used = [...templates.matchAll(/\.Values\.(\w+)(?:\.(\w+))?(?:\.(\w+))?/g)];
    const known = parse(values) as Record<string, Record<string, Record<string, unknown>>>;
    for (const [whole, first, second, third] of used) {
      expect(known, whole).toHaveProperty(first!);
      if (second) expect(known[first!], whole).toHaveProperty(second);
      if (second && third) expect(known[first!]![second], whole).toHaveProperty(third);
    }
    const names = new Set(used.map(([, first]) => first));
    // The processes are looked up by their name.
    for (const name of Object.keys(known))
      expect(names.has(name) || ['api', 'registry', 'worker'].includes(name), name).toBe(true);
  });

  it('has a schema that names the same values', () => {
    const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as {
      properties: Record<string, { properties?: object }>;
    };
    const known = parse(values) as Record<string, object>;
    expect(Object.keys(schema.properties).filter((name) => name !== 'global')).toEqual(Object.keys(known));
    for (const [name, { properties }] of Object.entries(schema.properties))
      if (properties) expect(Object.keys(properties), name).toEqual(Object.keys(known[name]!));
  });

  it('holds no secret itself', () => {
    expect(templates).not.toMatch(/^kind: Secret$/m);
    expect(values).not.toMatch(/password: (?!password)\S/i);
  });

  it.skipIf(withHelm.skip)(`passes helm lint --strict${withHelm.note}`, async () => {
    const { code, output } = await runTool(helm!, ['lint', '--strict', CHART]);
    expect(code, output).toBe(0);
  });

  it.skipIf(withHelm.skip)(`refuses values that it does not know or cannot use${withHelm.note}`, async () => {
    for (const [wrong, named] of [
      ['storage.type=S3', '/storage/type'],
      ['worker.replicas=two', '/worker/replicas'],
      ['secrets.databse.name=x', 'databse'],
      ['publicUrl=registry.example.com', '/publicUrl'],
      ['settings.gc-grace=5', 'gc-grace'],
      ['image.pullPolicy=Sometimes', '/image/pullPolicy'],
    ] as const) {
      const { code, output } = await render([wrong]);
      expect(code, wrong).toBe(1);
      expect(output, wrong).toContain(named);
    }
    expect((await render(['settings.HALLMARK_GC_GRACE=5'])).code).toBe(0);
  });

  it.skipIf(withHelm.skip)(
    `runs every container without privileges under its own init, whatever is set${withHelm.note}`,
    async () => {
      for (const [name, way] of Object.entries(WAYS)) {
        const { code, output } = await render(way);
        expect(code, `${name}: ${output}`).toBe(0);
        const made = parseAllDocuments(output).map((document) => document.toJS() as Rendered);
        const pods = made.filter(({ spec }) => spec?.template);
        expect(pods.length).toBe(5);
        for (const { spec } of pods)
          for (const container of spec!.template!.spec.containers) {
            expect(container.securityContext).toMatchObject({
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
            });
            // A command would take the place of the image's entry point, which reaps what signing scripts leave behind.
            expect(container).not.toHaveProperty('command');
          }
      }
    },
  );

  it.skipIf(withBoth.skip)(`renders what the API of Kubernetes takes, whatever is set${withBoth.note}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hallmark-chart-'));
    for (const [name, way] of Object.entries(WAYS)) {
      const file = join(folder, 'rendered.yaml');
      await writeFile(file, (await render(way)).output);
      const { code, output } = await runTool(validate!, ['--strict', '-k', '1.33', file]);
      expect(code, `${name}\n${output}`).toBe(0);
      expect(output, name).not.toContain('ERROR');
    }
    await rm(folder, { recursive: true, force: true });
  });
});
