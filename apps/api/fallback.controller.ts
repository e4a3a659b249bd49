import { All, Inject, MethodNotAllowedException } from '@nestjs/common';
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
  readonly pattern: RegExp;
  readonly method: string;
  readonly name: string;
}

/** Answers what no other route of the REST API takes: says what a path allows, and refuses the rest. */
@RestController({ path: '', tag: 'Fallback', operations: 'fallback' })
export class FallbackController {
  private routed: readonly Routed[] | undefined;

  constructor(@Inject(DOCUMENTED) private readonly controllers: () => readonly Function[]) {}

  @All('*')
  @Open()
  answer(@Context() context: RestContext): object {
    const { method } = context.request;
    const routed = this.routesAt(context.url.split('?', 1)[0]!.slice(API_ROOT.length).replace(/\/$/, ''));
    if (routed.length === 0) throw notFound('Not found.');
    const methods = new Set(routed.flatMap((each) => (each.method === 'GET' ? ['GET', 'HEAD'] : [each.method])));
    void context.reply.header('allow', [...methods, 'OPTIONS'].toSorted().join(', '));
    if (method !== 'OPTIONS') throw new MethodNotAllowedException(`Method "${method}" not allowed.`);
    void context.reply.status(200);
    return { name: routed[0]!.name, description: '', renders: ['application/json'], parses: BODY_TYPES };
  }

  private routesAt(path: string): readonly Routed[] {
    this.routed ??= routesOf(this.controllers()).map(({ place, operation }) => ({
      pattern: patternOf([place.path, operation.route].filter(Boolean).join('/')),
      method: operation.method.toUpperCase(),
      name: place.tag,
    }));
    return this.routed.filter(({ pattern }) => pattern.test(path));
  }
}

const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .split('/')
      .map((piece) => (piece.startsWith(':') ? '[^/]+' : piece.replaceAll(/[.*+?^$()[\]{}|\\]/g, '\\$&')))
      .join('/')}$`,
  );
