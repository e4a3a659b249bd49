import { Get, Inject } from '@nestjs/common';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { Context, type RestContext } from '../rest/context.js';
import { buildDocument, type DocumentOptions } from '../rest/openapi/document.js';
import { routesOf, type DocumentedRoute } from '../rest/openapi/routes.js';
import { toYaml } from '../rest/openapi/yaml.js';
import { Open } from '../rest/operation.js';
import { RestController } from '../rest/rest-controller.js';
import { browsablePage } from './browsable-page.js';

/** Injection token of a function that lists the controllers to document. */
export const DOCUMENTED = Symbol('documented controllers');

const MOST_KEPT = 32;
const HTML = 'text/html; charset=utf-8';

/** The API document and a page to read it. Both are the same for everybody. */
@RestController({ path: '', tag: 'Docs', operations: 'docs', component: 'docs' })
export class DocsController {
  private routes: readonly DocumentedRoute[] | undefined;
  private readonly kept = new Map<string, Buffer>();

  constructor(
    @Inject(CONFIG) private readonly config: HallmarkConfig,
    @Inject(DOCUMENTED) private readonly controllers: () => readonly Function[],
  ) {}

  @Get('docs/api.json')
  @Open()
  json(@Context() context: RestContext): Buffer {
    return this.answer(context, 'application/json', JSON.stringify);
  }

  @Get('docs/api.yaml')
  @Open()
  yaml(@Context() context: RestContext): Buffer {
    return this.answer(context, 'application/yaml', toYaml);
  }

  @Get('docs')
  @Open()
  page(@Context() context: RestContext): Buffer {
    return this.answer(context, HTML, browsablePage);
  }

  @Get('swagger')
  @Open()
  swagger(@Context() context: RestContext): Buffer {
    return this.answer(context, HTML, browsablePage);
  }

  private answer(context: RestContext, type: string, write: (document: Record<string, unknown>) => string): Buffer {
    const { query } = context;
    const options = {
      origin: this.config.publicUrl,
      component: query.get('component')?.at(-1)?.slice(0, 100),
      bindings: query.has('bindings'),
      keysInPaths: query.has('pk_path'),
    };
    void context.reply.header('content-type', type).header('cache-control', 'public, max-age=60');
    return this.written(type, options, write);
  }

  private written(
    type: string,
    options: DocumentOptions,
    write: (document: Record<string, unknown>) => string,
  ): Buffer {
    const key = JSON.stringify([type, options]);
    const known = this.kept.get(key);
    if (known) return known;
    this.routes ??= routesOf(this.controllers());
    const bytes = Buffer.from(write(buildDocument(this.routes, options)));
    if (this.kept.size < MOST_KEPT) this.kept.set(key, bytes);
    return bytes;
  }
}
