import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The product's version, from the package that this file is part of. */
export const PRODUCT_VERSION: string = readVersion(import.meta.dirname);

function readVersion(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as {
        name: string;
        version: string;
      };
      if (name === 'hallmark') return version;
    } catch {
      // Not this folder.
    }
    if (at === dirname(at)) return '0.0.0';
  }
}
