import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The configuration that is shipped, from the root of the checkout, where tests and benchmarks run. */
const TEMPLATE = 'deploy/chart/nginx.conf.template';

/** What the template's variables are set to. */
export interface ProxySettings {
  /** Host and port. */
  readonly listen: string;
  readonly api: string;
  readonly registry: string;
  /** Folder of the blobs, with a slash at its end. */
  readonly blobs: string;
}

/** What nginx is started with, and where it writes what goes wrong. */
export interface NginxConfiguration {
  readonly args: readonly string[];
  readonly errors: string;
}

/** Fills the shipped template in as the image of nginx does, in a main file for that many workers; all is kept in the folder. */
export async function writeNginxConfiguration(
  folder: string,
  settings: ProxySettings,
  workers = 1,
): Promise<NginxConfiguration> {
  const template = await readFile(TEMPLATE, 'utf8');
  const shipped = template.replaceAll(/\$\{HALLMARK_(\w+)\}/g, (_all, name: string) => {
    const value = settings[name.toLowerCase() as keyof ProxySettings];
    if (value === undefined) throw new Error(`the template of nginx has another variable: HALLMARK_${name}`);
    return value;
  });
  return writeMainFile(folder, shipped, workers);
}

/** Puts a server into a main file for that many workers. */
export async function writeMainFile(folder: string, server: string, workers = 1): Promise<NginxConfiguration> {
  const temp = join(folder, 'temp');
  await mkdir(temp, { recursive: true });
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${join(temp, kind)};`).join(' ');
  const file = join(folder, 'nginx.conf');
  const errors = join(folder, 'error.log');
  await writeFile(
    file,
    `daemon off; worker_processes ${workers}; pid ${join(folder, 'nginx.pid')}; error_log ${errors} info;
     events {} http { access_log off; ${temporary} default_type application/octet-stream;
     ${server} }`,
  );
  return { args: ['-c', file, '-p', folder, '-e', errors], errors };
}
