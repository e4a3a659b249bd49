import { Inject, type OnApplicationBootstrap } from '@nestjs/common';
import { customizePolicy, resetPolicy, seedPolicies, type PolicyFields } from '#access/access-policies.js';
import type { PolicyFunction, PolicyStatement } from '#access/access-policy.entity.js';
import { inTransaction } from '#platform/database.js';
import { DOCUMENTED } from '../docs/docs.controller.js';
import { announcePolicies, PolicyBook } from '../rest/access/policies/policy-book.js';
import { defaultPolicy, policyName } from '../rest/access/policies/statements.js';
import { SUPERUSERS_ONLY } from '../rest/access/rules.js';
import { Context, type RestContext } from '../rest/context.js';
import { anyObject, anyObjects, baseFields, flag, text } from '../rest/fields.js';
import { flagFilter } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import { requireKeyOf } from '../rest/keys.js';
import { routesOf } from '../rest/openapi/routes.js';
import { PatchRoute, PostRoute, PutRoute } from '../rest/operation.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { AccessPolicyBody } from './dto/access-policy.body.js';

const nullable = { nullable: true };

const POLICIES: Resource = defineResource({
  model: 'core.accesspolicy',
  tag: 'Access_Policies',
  schema: 'AccessPolicy',
  fields: {
    ...baseFields('core.accesspolicy'),
    permissions_assignment: anyObjects('t.creation_hooks', nullable),
    creation_hooks: anyObjects('t.creation_hooks', nullable),
    statements: anyObjects('t.statements'),
    viewset_name: text('t.viewset_name', {
      readOnly: true,
      description: 'The name of the ViewSet this policy is for.',
    }),
    customized: flag('t.customized', { readOnly: true, description: 'True if somebody edited the policy.' }),
    queryset_scoping: anyObject('t.queryset_scoping', nullable),
  },
  filters: [...textFilters('viewset_name', 't.viewset_name'), flagFilter('customized', 't.customized')],
  defaultOrder: [{ sql: 't.viewset_name', descending: false }],
  access: SUPERUSERS_ONLY,
  body: AccessPolicyBody,
});

/** Who may do what: shown, edited and put back. What is edited here is enforced. */
@ResourceController(POLICIES, LIST, READ)
export class AccessPoliciesController extends RestHost implements OnApplicationBootstrap {
  constructor(
    @Inject(DOCUMENTED) private readonly controllers: () => readonly Function[],
    private readonly policies: PolicyBook,
  ) {
    super();
  }

  async onApplicationBootstrap(): Promise<void> {
    await inTransaction(this.rest.source, (tx) => seedPolicies(tx, this.defaults()));
  }

  @PutRoute(':id', { action: 'update', summary: 'Update', body: 'resource', answers: { 200: 'resource' } })
  update(@Context() context: RestContext): Promise<object> {
    return this.change(context, false);
  }

  @PatchRoute(':id', { action: 'partial_update', summary: 'Update', body: 'partial', answers: { 200: 'resource' } })
  partialUpdate(@Context() context: RestContext): Promise<object> {
    return this.change(context, true);
  }

  @PostRoute(':id/reset', {
    action: 'reset',
    summary: 'Reset to the default',
    answers: { 200: 'resource' },
  })
  async reset(@Context() context: RestContext): Promise<object> {
    const id = requireKeyOf(POLICIES, context.param('id'));
    await inTransaction(this.rest.source, async (tx) => {
      await resetPolicy(tx, id, this.defaults());
      await announcePolicies(tx);
    });
    this.policies.forget();
    return this.rest.show(POLICIES, id);
  }

  private async change(context: RestContext, partial: boolean): Promise<object> {
    const id = requireKeyOf(POLICIES, context.param('id'));
    await this.rest.demandExists(POLICIES, id);
    const body = await this.rest.body(context, AccessPolicyBody, partial);
    const hooks = body.creation_hooks === undefined ? body.permissions_assignment : body.creation_hooks;
    const changes = {
      ...(body.statements === undefined ? {} : { statements: body.statements as PolicyStatement[] }),
      ...(hooks === undefined ? {} : { creationHooks: hooks as PolicyFunction[] | null }),
      ...(body.queryset_scoping === undefined
        ? {}
        : { querysetScoping: body.queryset_scoping as PolicyFunction | null }),
    };
    await inTransaction(this.rest.source, async (tx) => {
      if (Object.keys(changes).length > 0) await customizePolicy(tx, id, changes);
      await announcePolicies(tx);
    });
    this.policies.forget();
    return this.rest.show(POLICIES, id);
  }

  /** The rules that the code has, in the words of policies. */
  private defaults(): PolicyFields[] {
    const found = new Map<string, { resource: Resource; actions: string[] }>();
    for (const { place, operation } of routesOf(this.controllers())) {
      const { resource } = place;
      if (!resource) continue;
      const known = found.get(policyName(resource)) ?? { resource, actions: [] };
      known.actions.push(operation.action);
      found.set(policyName(resource), known);
    }
    return [...found.values()].map(({ resource, actions }) => defaultPolicy(resource, actions));
  }
}
