import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '#platform/settings.js';
import { findClient } from '../../scripts/clients.mjs';
import { needing } from '../real-clients.js';
import { runTool } from './run-tool.js';

const ROOT = join(import.meta.dirname, '../..');
const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: string[];
  readonly volumes?: string[];
  readonly environment?: Record<string, string>;
  readonly healthcheck?: { readonly test: string[] };
  readonly depends_on?: string[];
}
const compose = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: Record<string, object> };
const services = Object.entries(compose.services);

/** Variables of the operator's that the file uses; `$$` is one dollar for the container. */
const variables = [...text.replaceAll('$$', '').matchAll(/\$\{(\w+)(:[-?])?/g)].map(([, name, kind]) => ({
  name: name!,
  needed: kind === ':?',
}));

describe('docker-compose.yml', () => {
  const program = findClient('docker-compose');
  const clients = needing('docker-compose');

  it.skipIf(clients.skip)(`is accepted by docker-compose 1.29, and only with every secret${clients.note}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hallmark-compose-'));
    const environment = join(folder, 'env');
    const config = (...lines: string[]) =>
      writeFile(environment, lines.join('\n')).then(() =>
        runTool(program!, ['--env-file', environment, '-f', join(ROOT, 'docker-compose.yml'), 'config', '-q'], {
          env: { PATH: process.env['PATH'] },
        }),
      );
    const needed = [...new Set(variables.filter((each) => each.needed).map(({ name }) => name))];
    expect(await config(...needed.map((name) => `${name}=x`))).toEqual({ code: 0, output: '' });
    for (const missing of needed) {
      const { code, output } = await config(...needed.filter((name) => name !== missing).map((name) => `${name}=x`));
      expect(code).toBe(1);
      expect(output).toContain(`set ${missing} in .env`);
    }
    await rm(folder, { recursive: true, force: true });
  });

  it('has proxy, API, registry, workers, PostgreSQL and Redis, each with a health check', () => {
    expect(services.map(([name]) => name).toSorted()).toEqual([
      'api',
      'postgres',
      'proxy',
      'redis',
      'registry',
      'worker',
    ]);
    for (const [name, { healthcheck }] of services) expect(healthcheck?.test, name).toBeDefined();
  });

  it('starts programs and mounts files and volumes that exist', () => {
    for (const [name, service] of services) {
      const program = service.command?.find((word) => word.startsWith('dist/'));
      if (program) expect(existsSync(join(ROOT, program.replace(/^dist\/(.*)\.js$/, '$1.ts'))), program).toBe(true);
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) expect(existsSync(join(ROOT, source)), `${name}: ${source}`).toBe(true);
        else expect(compose.volumes, `${name}: ${source}`).toHaveProperty(source);
      }
      for (const other of service.depends_on ?? []) expect(compose.services).toHaveProperty(other);
      const check = service.healthcheck?.test.find((word) => word.endsWith('.mjs'));
      if (check) expect(existsSync(join(ROOT, check))).toBe(true);
    }
  });

  it('sets only settings that exist, and every variable that an operator fills in is explained', () => {
    const known = new Set<string>(Object.values(SETTINGS).map(({ variable }) => variable));
    for (const [name, service] of services)
      if (service.build)
        for (const variable of Object.keys(service.environment ?? {}))
          expect(known.has(variable), `${name}: ${variable}`).toBe(true);
    const explained = readFileSync(join(ROOT, 'deploy/env.example'), 'utf8');
    for (const { name } of variables) expect(explained).toMatch(new RegExp(`^${name}=`, 'm'));
    for (const [, name] of explained.matchAll(/^(\w+)=/gm)) expect(variables.map((each) => each.name)).toContain(name);
  });

  it('publishes the proxy alone', () => {
    const published = services.filter(([, service]) => 'ports' in service).map(([name]) => name);
    expect(published).toEqual(['proxy']);
  });
});

describe('the Dockerfile', () => {
  const lines = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').split('\n');
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8');

  it('copies only what exists and what the builder is sent', () => {
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      expect(ignored, path).toMatch(new RegExp(`^!${path.replaceAll('.', '\\.')}$`, 'm'));
    }
  });

  it('runs as nobody special', () => {
    expect(lines).toContain('USER node');
  });
});
