import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { Config, type HallmarkConfig } from '#platform/config.js';

/** The settings of the command: the server's own, wherever in the checkout it is called. */
export function readSettings(environment: NodeJS.ProcessEnv): HallmarkConfig {
  return Config.read(environment, { dataDir: join(checkout(), 'var') });
}

function checkout(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(join(folder, 'package-lock.json'))) return folder;
  return process.cwd();
}
