import { All, Inject, MethodNotAllowedException } from '@nestjs/common';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { notFound } from '#platform/domain-error.js';
import { DOCUMENTED } from './docs/docs.controller.js';
import { Context, type RestContext } from './rest/context.js';
import { API_ROOT } from './rest/models.js';
import { routesOf } from './rest/openapi/routes.js';
import { BODY_TYPES } from './rest/body/read-body.js';
import { Open } from './rest/operation.js';
import { RestController } from './rest/rest-controller.js';

/** A path as it is routed, a method that it takes, and what is there. */
interface Routed {
  readonly path: string;
  readonly pattern: RegExp;
  readonly method: string;
  readonly name: string;
}

/** The path of the API itself. */
const HERE: Routed = { path: '', pattern: /^$/, method: 'GET', name: 'Api Root' };

/** Answers what no other route of the REST API takes: names what can be read, says what a path allows, and refuses the rest. */
@RestController({ path: '', tag: 'Fallback', operations: 'fallback' })
export class FallbackController {
  private everything: readonly Routed[] | undefined;

  constructor(
    @Inject(DOCUMENTED) private readonly controllers: () => readonly Function[],
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  @All(['', '*'])
  @Open()
  answer(@Context() context: RestContext): object {
    const { method } = context.request;
    const path = context.url.split('?', 1)[0]!.slice(API_ROOT.length).replace(/\/$/, '');
    const routed = this.routed().filter(({ pattern }) => pattern.test(path));
    if (routed.length === 0) throw notFound('Not found.');
    void context.reply.status(200);
    if (path === '' && (method === 'GET' || method === 'HEAD')) return this.collections();
    const methods = new Set(routed.flatMap((each) => (each.method === 'GET' ? ['GET', 'HEAD'] : [each.method])));
    void context.reply.header('allow', [...methods, 'OPTIONS'].toSorted().join(', '));
    if (method !== 'OPTIONS') throw new MethodNotAllowedException(`Method "${method}" not allowed.`);
    return { name: routed[0]!.name, description: '', renders: ['application/json'], parses: BODY_TYPES };
  }

  /** URLs of everything that stands at a fixed path and can be read, by that path. */
  private collections(): Record<string, string> {
    const fixed = this.routed().filter(({ path, method }) => path !== '' && method === 'GET' && !path.includes(':'));
    return Object.fromEntries(fixed.map(({ path }) => [path, `${this.config.publicUrl}${API_ROOT}${path}/`]));
  }

  private routed(): readonly Routed[] {
    this.everything ??= [
      HERE,
      ...routesOf(this.controllers()).map(({ place, operation }) => {
        const path = [place.path, operation.route].filter(Boolean).join('/');
        return { path, pattern: patternOf(path), method: operation.method.toUpperCase(), name: place.tag };
      }),
    ];
    return this.everything;
  }
}

const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .split('/')
      .map((piece) => (piece.startsWith(':') ? '[^/]+' : piece.replaceAll(/[.*+?^$()[\]{}|\\]/g, '\\$&')))
      .join('/')}$`,
  );
