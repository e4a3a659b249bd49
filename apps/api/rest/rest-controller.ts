import {
  applyDecorators,
  Controller,
  Inject,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { RestGuard } from './access/rest.guard.js';
import { Context, type RestContext } from './context.js';
import { JsonAnswers } from './json-answers.interceptor.js';
import { API_ROOT } from './models.js';
import { PLACE, type Place } from './place.js';
import type { Resource } from './resource.js';
import { RestErrors } from './rest-errors.filter.js';
import { Rest } from './rest.js';

/** What controllers of resources extend: access to the engine. */
export abstract class RestHost {
  @Inject(Rest)
  readonly rest: Rest;
}

/** A route that many resources have in the same way. */
export interface StandardRoute {
  readonly name: string;
  readonly route: MethodDecorator;
  readonly handle: (rest: Rest, resource: Resource, context: RestContext) => unknown;
}

/** A controller of the REST API: guarded, answering JSON, with errors in the form of the API. */
export function RestController(place: Place): ClassDecorator {
  return applyDecorators(
    Controller(`${API_ROOT.slice(1)}${place.path}`),
    SetMetadata(PLACE, place),
    UseGuards(RestGuard),
    UseInterceptors(JsonAnswers),
    UseFilters(RestErrors),
  );
}

/** The controller of a resource, with these standard routes beside its own. */
export function ResourceController(
  resource: Resource,
  ...standard: readonly (readonly StandardRoute[])[]
): ClassDecorator {
  const { path, tag, operations } = resource;
  return PlacedController({ path, tag, operations, resource }, resource, ...standard);
}

/** {@link ResourceController} for a resource that lives below another. */
export function PlacedController(
  place: Place,
  resource: Resource,
  ...standard: readonly (readonly StandardRoute[])[]
): ClassDecorator {
  return (target) => {
    for (const route of standard.flat()) addRoute(target, resource, route);
    RestController(place)(target);
  };
}

function addRoute(target: Function, resource: Resource, { name, route, handle }: StandardRoute): void {
  const prototype = target.prototype as object;
  if (Object.hasOwn(prototype, name)) return;
  const method = function (this: RestHost, context: RestContext): unknown {
    return handle(this.rest, resource, context);
  };
  Object.defineProperty(prototype, name, { value: method, configurable: true, writable: true });
  route(prototype, name, Object.getOwnPropertyDescriptor(prototype, name)!);
  Context()(prototype, name, 0);
}
