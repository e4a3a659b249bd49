// Lets Node load the libs from source, decorators included, for processes that a test starts.
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { resolve as resolvePath } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const root = resolvePath(import.meta.dirname, '../..');
const { config } = ts.readConfigFile(`${root}/tsconfig.json`, (path) => ts.sys.readFile(path));
const { options } = ts.convertCompilerOptionsFromJson(
  { ...config.compilerOptions, module: 'esnext', moduleResolution: 'bundler' },
  root,
);

registerHooks({
  resolve(specifier, context, next) {
    const path = specifier.startsWith('#')
      ? `${root}/libs/${specifier.slice(1)}`
      : specifier.startsWith('.') && context.parentURL?.endsWith('.ts')
        ? fileURLToPath(new URL(specifier, context.parentURL))
        : undefined;
    const source = path?.replace(/\.js$/, '.ts');
    if (source && existsSync(source)) return { url: pathToFileURL(source).href, format: 'module', shortCircuit: true };
    return next(specifier, context);
  },
  load(url, context, next) {
    if (!url.endsWith('.ts') || url.includes('/node_modules/')) return next(url, context);
    const fileName = fileURLToPath(url);
    const { outputText } = ts.transpileModule(readFileSync(fileName, 'utf8'), { fileName, compilerOptions: options });
    return { format: 'module', source: outputText, shortCircuit: true };
  },
});
