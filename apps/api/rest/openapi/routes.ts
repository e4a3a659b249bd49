import 'reflect-metadata';
import { API_ROOT } from '../models.js';
import { OPERATION, type Operation } from '../operation.js';
import { PLACE, type Place } from '../place.js';

/** One operation with the place it belongs to. */
export interface DocumentedRoute {
  readonly place: Place;
  readonly operation: Operation;
  /** Path template; hrefs of members are one parameter. */
  readonly path: string;
  /** Name of the href parameter in the path; undefined for collections at fixed paths. */
  readonly parameter?: string;
  readonly id: string;
}

/** The operations of controllers, in the order of their paths. */
export function routesOf(controllers: readonly Function[]): DocumentedRoute[] {
  const routes = controllers.flatMap((controller) => {
    const place = Reflect.getMetadata(PLACE, controller) as Place | undefined;
    return place ? operationsOf(controller).map((operation) => documented(place, operation)) : [];
  });
  return routes.sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0));
}

function operationsOf(controller: Function): Operation[] {
  const operations: Operation[] = [];
  // Controllers of several resources inherit the routes that they have in common, as Nest has it too.
  for (
    let prototype = controller.prototype as object;
    prototype;
    prototype = Object.getPrototypeOf(prototype) as object
  )
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(prototype))) {
      const method: unknown = value;
      const operation =
        typeof method === 'function' ? (Reflect.getMetadata(OPERATION, method) as Operation | undefined) : undefined;
      if (operation) operations.push(operation);
    }
  return operations;
}

function documented(place: Place, operation: Operation): DocumentedRoute {
  const [first = '', ...rest] = operation.route.split('/').filter(Boolean);
  const tail = (pieces: readonly string[]) => pieces.map((piece) => `${piece}/`).join('');
  const id = operation.id ?? `${place.operations}_${operation.name ?? operation.action}`;
  if (first.startsWith(':')) {
    const parameter = place.member?.parameter ?? place.resource?.parameter ?? `${place.operations}_href`;
    return { place, operation, path: `{${parameter}}${tail(rest)}`, parameter, id };
  }
  const end = tail(first ? [first, ...rest] : rest);
  if (!place.parent) return { place, operation, path: `${API_ROOT}${place.path}/${end}`, id };
  const { parameter } = place.parent.resource;
  const below = place.path.split('/').slice(place.path.split('/').indexOf(`:${place.parent.key}`) + 1);
  return { place, operation, path: `{${parameter}}${tail(below)}${end}`, parameter, id };
}
