import type { Resource } from './resource.js';

/** Where controllers keep their {@link Place}. */
export const PLACE = 'hallmark:place';

/** Where a controller's routes are and what they work on. */
export interface Place {
  /** Path below the API root; may hold parameters. */
  readonly path: string;
  readonly tag: string;
  /** Prefix of operation ids. */
  readonly operations: string;
  readonly resource?: Resource;
  /** Nested resources: the resource whose member path the collection hangs on, and the name of its key in the route. */
  readonly parent?: { readonly resource: Resource; readonly key: string };
  /** Member paths of nested resources: the parameter's name in the API document and the key's name in the route. */
  readonly member?: { readonly parameter: string; readonly key: string };
  readonly component?: string;
  /** Places without a resource are for superusers, unless everybody who signed in may use them. */
  readonly forAll?: boolean;
}
