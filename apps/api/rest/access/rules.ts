import type { ModelName } from '../models.js';
import type { SqlValues } from '../sql.js';

/** Whose permissions count for an action: on the row itself, its namespace, or the distributions that serve it. */
export type Ground = 'object' | 'namespace' | 'distribution';

/** One way to be allowed: a permission on one of these. */
export interface Grant {
  readonly permission: string;
  readonly on: Ground;
}

/**
 * Who may do an action: nobody (until its policy is edited), nobody but superusers, everybody, everybody who signed in, or who holds one permission out of each
 * list.
 */
export type Rule = 'nobody' | 'superuser' | 'anybody' | 'authenticated' | readonly (readonly Grant[])[];

/** The rules of one resource. */
export interface AccessRules {
  /** Actions by their name in operation ids; those left out are for superusers. */
  readonly actions: Readonly<Record<string, Rule>>;
  /** Model whose object keys permissions are kept under, when it is not the resource's own. */
  readonly model?: ModelName;
  /** Which rows somebody sees who is no superuser; all when left out. */
  readonly scope?: Scope;
  /** Role that the maker of an object gets on it. */
  readonly ownerRole?: string;
}

/** What a scope asks: keys of the objects with a permission, or `all`. */
export interface ScopeFacts {
  readonly username: string;
  readonly userId: number | null;
  /** Keys of the objects on which the permission is held, without the model. */
  keysWith(permission: string, model: ModelName): 'all' | readonly string[];
}

/** SQL over the row `t` that holds for what somebody may see. */
export type Scope = (facts: ScopeFacts, values: SqlValues) => string;

/** One way to be allowed, on the object itself. */
export const on = (permission: string, ground: Ground = 'object'): Grant => ({ permission, on: ground });

/** Everything for superusers only. */
export const SUPERUSERS_ONLY: AccessRules = { actions: {} };

/** Reads for everybody who signed in. */
export const READ_BY_ALL: AccessRules = { actions: { list: 'authenticated', read: 'authenticated' } };

const MODEL_ACTIONS = { list: 'authenticated' } as const;

/** The usual rules of a model with owners: `view`, `change`, `delete` and `manage_roles` on the object. */
export function ownedRules(model: ModelName, name: string, scoped = true): AccessRules {
  const [app, kind] = model.split('.');
  const holds = (verb: string) => on(`${app}.${verb}_${kind}`);
  const change = [[holds('change')], [holds('view')]];
  const manage = [[holds('manage_roles')]];
  return {
    actions: {
      ...MODEL_ACTIONS,
      create: [[holds('add')]],
      read: [[holds('view')]],
      update: change,
      partial_update: change,
      set_label: change,
      unset_label: change,
      delete: [[holds('delete')], [holds('view')]],
      list_roles: manage,
      add_role: manage,
      remove_role: manage,
      my_permissions: 'authenticated',
    },
    ...(scoped ? { scope: viewable(`${app}.view_${kind}`, model) } : {}),
    ownerRole: name,
  };
}

/** Rows on which a permission is held. */
export const viewable =
  (permission: string, model: ModelName): Scope =>
  (facts, values) => {
    const keys = facts.keysWith(permission, model);
    return keys === 'all' ? 'true' : `t.id::text = any(${values.bind(keys)}::text[])`;
  };
