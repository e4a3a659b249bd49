import { ownedRules, type AccessRules, type Scope } from '../rest/access/rules.js';
import { baseFields, derived, text, type Field } from '../rest/fields.js';
import { textFilters } from '../rest/filters/text.js';
import { hrefTo, MODELS, prnOf, type ModelName } from '../rest/models.js';
import { refTo } from '../rest/openapi/schemas.js';
import { BY_NAME } from '../rest/ordering.js';
import { defineResource, type BodyClass, type Resource } from '../rest/resource.js';
import { GUARD_NAMES } from './guard-names.js';
import { CompositeGuardBody, GUARD_MODELS, GuardBody, HeaderGuardBody } from './guard.body.js';

const HREF = { type: 'string', format: 'uri' };

const common = (model: ModelName): Record<string, Field> => ({
  ...baseFields(model),
  name: text('t.name', { description: 'The unique name.' }),
  description: text('t.description', { nullable: true, description: 'An optional description.' }),
});

const filters = textFilters('name', 't.name');
const ordering = { name: 't.name', description: 't.description', pulp_type: 't.type' };

function guardResource(
  model: (typeof GUARD_MODELS)[number],
  tag: string,
  schema: string,
  body: BodyClass,
  fields: Record<string, Field> = {},
): Resource {
  return defineResource({
    model,
    tag: `Contentguards: ${tag}`,
    schema,
    fields: { ...common(model), ...fields },
    filters,
    ordering,
    defaultOrder: BY_NAME,
    access: ownedRules(model, `${model}_owner`),
    body,
  });
}

/** Guards whose URLs are made by the redirect of the registry. */
export const REDIRECT_GUARDS = guardResource(
  'core.contentredirectcontentguard',
  'Content_Redirect',
  'ContentRedirectContentGuard',
  GuardBody,
);

const downloaders = (kind: 'users' | 'groups'): string =>
  kind === 'users'
    ? `coalesce((select json_agg(json_build_object('id', u.id, 'name', u.username) order by u.username)
        from role_assignment a join role r on r.id = a.role_id join user_account u on u.id = a.user_id
       where a.content_object = 'core.rbaccontentguard:' || t.id
         and 'core.download_rbaccontentguard' = any(r.permissions)), '[]')`
    : `coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name) order by g.name)
        from role_assignment a join role r on r.id = a.role_id join access_group g on g.id = a.group_id
       where a.content_object = 'core.rbaccontentguard:' || t.id
         and 'core.download_rbaccontentguard' = any(r.permissions)), '[]')`;

interface Holder {
  readonly id: number;
  readonly name: string;
}

const listed = (schema: string) => ({ type: 'array', items: refTo(schema) });

/** Guards that let holders of a role pass. */
export const RBAC_GUARDS = guardResource('core.rbaccontentguard', 'Rbac', 'RBACContentGuard', GuardBody, {
  users: derived(downloaders('users'), listed('GroupUserResponse'), (holders: Holder[]) =>
    holders.map(({ id, name }) => ({
      username: name,
      pulp_href: hrefTo('auth.user', id),
      prn: prnOf('auth.user', id),
    })),
  ),
  groups: derived(downloaders('groups'), listed('GroupResponse'), (holders: Holder[]) =>
    holders.map(({ id, name }) => ({ name, pulp_href: hrefTo('core.group', id), prn: prnOf('core.group', id) })),
  ),
});

/** Guards that look at a header. */
export const HEADER_GUARDS = guardResource('core.headercontentguard', 'Header', 'HeaderContentGuard', HeaderGuardBody, {
  header_name: text('t.header_name'),
  header_value: text('t.header_value'),
  jq_filter: text('t.jq_filter', { nullable: true }),
});

const GUARD_LIST = `coalesce((select json_agg(g.type || ' ' || g.id order by g.name) from content_guard g
  where t.guards ? g.id::text), '[]')`;

/** Guards of which one must let pass. */
export const COMPOSITE_GUARDS = guardResource(
  'core.compositecontentguard',
  'Composite',
  'CompositeContentGuard',
  CompositeGuardBody,
  {
    guards: derived(
      GUARD_LIST,
      { type: 'array', items: { ...HREF, nullable: true } },
      (guards: string[]) => guards.map(GUARD_NAMES.href),
      false,
    ),
  },
);

const scopes = [REDIRECT_GUARDS, RBAC_GUARDS, HEADER_GUARDS, COMPOSITE_GUARDS];
const anyScope: Scope = (facts, values) =>
  scopes.map(({ where, access }) => `(${where} and (${access.scope!(facts, values)}))`).join(' or ');
const ALL_RULES: AccessRules = { actions: { list: 'authenticated' }, scope: anyScope };

/** All guards, whatever their type. */
export const ALL_GUARDS: Resource = defineResource({
  model: 'core.contentredirectcontentguard',
  models: GUARD_MODELS,
  path: 'contentguards',
  tag: 'Contentguards',
  schema: 'ContentGuard',
  where: 'true',
  fields: {
    ...common('core.contentredirectcontentguard'),
    ...GUARD_NAMES.fields,
  },
  filters: [...filters, ...GUARD_NAMES.filters],
  ordering,
  defaultOrder: BY_NAME,
  access: ALL_RULES,
});

/** The type of a guard in the database. */
export const guardType = (resource: Resource): string => MODELS[resource.model].path.split('/').at(-1)!;
