import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Permissions } from '#access/permissions.js';
import { NUMEROUS_MODEL, objectKey, PERMISSION_NAMES } from '#access/permission-names.js';
import { PermissionSet } from '#access/permission-set.js';
import { rowsOf } from '#platform/database.js';
import { forbidden } from '#platform/domain-error.js';
import type { RestContext } from '../context.js';
import { noMatch } from '../errors.js';
import { requireKeyOf } from '../keys.js';
import { MODELS, type Located, type Model, type ModelName } from '../models.js';
import { resourceOf, type Resource } from '../resource.js';
import type { Place } from '../place.js';
import { allOf, SqlValues } from '../sql.js';
import { groundKeys, type GroundKeys } from './grounds.js';
import { evaluate } from './policies/evaluate.js';
import { PolicyBook, type EditedPolicy } from './policies/policy-book.js';
import { policyAction } from './policies/statements.js';
import type { Grant, Rule, ScopeFacts } from './rules.js';

const VIEW_TASK = 'core.view_task';

/** The row that a decision is about. */
interface Target {
  readonly model: ModelName;
  readonly id: string;
}

/** Decides by the rules of resources; what somebody may not see does not exist for him. */
@Injectable()
export class AccessDecisions {
  constructor(
    private readonly source: DataSource,
    private readonly permissions: Permissions,
    private readonly policies: PolicyBook,
  ) {}

  /** Throws unless the caller may do the action at this place. */
  async demand(context: RestContext, place: Place, action: string): Promise<void> {
    const resource = place.resource ?? place.parent?.resource;
    if (resource?.access.actions[action] === 'nobody' && !(await this.policies.editedOf(resource))) throw forbidden();
    if (isSuperuser(context) || (!resource && place.forAll)) return;
    if (!resource) throw forbidden();
    const rule = resource.access.actions[action] ?? 'superuser';
    // Whether there is anything at the place is not for those who may not do this anywhere.
    if (rule === 'superuser' && !(await this.policies.editedOf(resource))) throw forbidden();
    const owner = place.parent?.resource ?? resource;
    const id = context.param(place.parent?.key ?? 'id');
    if (id !== '' && !(await this.maySee(context, owner, requireKeyOf(owner, id)))) throw noMatch(owner.noun);
    const target = id === '' ? undefined : { model: owner.access.model ?? owner.model, id };
    if (!(await this.permits(context, resource, action, target))) throw forbidden();
  }

  /** True when the caller sees a row and may do the action with it. */
  async may(context: RestContext, resource: Resource, action: string, id: string): Promise<boolean> {
    if (!(await this.maySee(context, resource, id))) return false;
    return this.permits(context, resource, action, { model: resource.access.model ?? resource.model, id });
  }

  private async permits(context: RestContext, resource: Resource, action: string, target?: Target): Promise<boolean> {
    const edited = await this.policies.editedOf(resource);
    if (edited && !isSuperuser(context)) return this.allowsByPolicy(context, edited, policyAction(action), target);
    return this.allows(context, resource.access.actions[action] ?? 'superuser', target);
  }

  /** SQL over the row `t` for what the caller may see. */
  async scopeOf(context: RestContext, resource: Resource): Promise<(values: SqlValues) => string> {
    const { scope } = resource.access;
    if (isSuperuser(context) || !scope) return () => 'true';
    const edited = await this.policies.editedOf(resource);
    if (edited && edited.queryset_scoping === null) return () => 'true';
    const { principal } = context;
    const held = await this.permissions.permissionsOf(principal);
    const tasks = resource.model === NUMEROUS_MODEL ? await this.permissions.objectsWith(principal, VIEW_TASK) : [];
    const facts = scopeFacts(context, held, tasks);
    return (values) => scope(facts, values);
  }

  /** SQL over the row `t` of a model's own resource that holds for rows that are of it and that the caller may see. */
  async visible(context: RestContext, model: ModelName): Promise<(values: SqlValues) => string> {
    const resource = resourceOf(model);
    const scope = await this.scopeOf(context, resource);
    return (values) => allOf([resource.where, scope(values)].filter((part) => part !== 'true'));
  }

  /** True when a rule lets the caller pass, for an object or (without one) for the model. */
  async allows(context: RestContext, rule: Rule, target?: Target): Promise<boolean> {
    if (isSuperuser(context) || rule === 'anybody') return true;
    if (rule === 'nobody' || rule === 'superuser' || context.principal.kind === 'anonymous') return false;
    if (rule === 'authenticated') return true;
    const held = await this.rightsOn(context, target);
    const keys = await this.keysFor(rule, target);
    return rule.every((ways) => ways.some((way) => holds(held, way, keys)));
  }

  private async allowsByPolicy(
    context: RestContext,
    { statements }: EditedPolicy,
    action: string,
    target?: Target,
  ): Promise<boolean> {
    const { principal } = context;
    const held = await this.rightsOn(context, target);
    const groups = await rowsOf<{ name: string }>(this.source, 'select name from access_group where id = any($1)', [
      principal.groups,
    ]);
    const keys: GroundKeys = target
      ? {
          ...(await groundKeys(this.source, (MODELS[target.model] as Model).table, target.id)),
          object: [objectKey(target.model, target.id)],
        }
      : { object: [], namespace: [], distribution: [] };
    return evaluate(statements, action, { principal, groups: groups.map(({ name }) => name), held, keys });
  }

  /** Rights that may count for a row, or (without one) for whole models. Who dispatched a task has all rights on it without a role. */
  async rightsOn(context: RestContext, target?: Target): Promise<PermissionSet> {
    const { principal } = context;
    if (!target) return this.permissions.permissionsOf(principal);
    const key = objectKey(target.model, target.id);
    if (target.model !== NUMEROUS_MODEL) return this.permissions.rightsAbout(principal, key);
    const sql = 'select 1 from task where id = $1 and created_by = $2';
    const isOwn = (await rowsOf(this.source, sql, [target.id, context.userId ?? null])).length > 0;
    return isOwn
      ? new PermissionSet(false, [{ contentObject: key, permissions: PERMISSION_NAMES }])
      : this.permissions.rightsAbout(principal, key);
  }

  private async keysFor(rule: readonly (readonly Grant[])[], target?: Target) {
    if (!target) return { object: [], namespace: [], distribution: [] };
    const own = objectKey(target.model, target.id);
    const further = rule.some((ways) => ways.some((way) => way.on !== 'object'));
    const { table } = MODELS[target.model] as Model;
    return further
      ? { ...(await groundKeys(this.source, table, target.id)), object: [own] }
      : { object: [own], namespace: [], distribution: [] };
  }

  /** True when a body may name this: it is there and, unless `unseen`, the caller sees it. */
  async mayName(context: RestContext, located: Located, unseen: boolean): Promise<boolean> {
    if ('id' in located) {
      const resource = resourceOf(located.model);
      return unseen ? this.isThere(resource, located.id) : this.maySee(context, resource, located.id);
    }
    const { repository, repositoryModel, number } = located;
    const sql = 'select 1 from repository_version where repository_id = $1 and number = $2';
    if (!(await this.maySee(context, resourceOf(repositoryModel), repository))) return false;
    return (await rowsOf(this.source, sql, [repository, number])).length > 0;
  }

  /** True when there is such a row and the caller may see it. */
  async maySee(context: RestContext, resource: Resource, id: string): Promise<boolean> {
    return this.isThere(resource, id, await this.scopeOf(context, resource));
  }

  private async isThere(resource: Resource, id: string, scope?: (values: SqlValues) => string): Promise<boolean> {
    const values = new SqlValues();
    const where = allOf([`t.id = ${values.bind(id)}`, resource.where, scope?.(values) ?? 'true']);
    return (await rowsOf(this.source, `select 1 from ${resource.from} where ${where}`, values.values)).length > 0;
  }
}

function isSuperuser(context: RestContext): boolean {
  return context.principal.isSuperuser;
}

function holds(held: PermissionSet, { permission, on }: Grant, keys: GroundKeys): boolean {
  return held.has(permission) || keys[on].some((key) => held.has(permission, key));
}

function scopeFacts(context: RestContext, held: PermissionSet, tasks: 'all' | readonly string[]): ScopeFacts {
  const { principal } = context;
  return {
    username: principal.username,
    userId: principal.kind === 'user' ? principal.id : null,
    keysWith(permission, model) {
      const keys = permission === VIEW_TASK ? tasks : held.objectsWith(permission);
      if (keys === 'all') return 'all';
      return keys.filter((key) => key.startsWith(`${model}:`)).map((key) => key.slice(model.length + 1));
    },
  };
}
