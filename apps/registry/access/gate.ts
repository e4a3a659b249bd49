import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { Authenticator } from '#access/authenticator.js';
import { Permissions } from '#access/permissions.js';
import type { Principal } from '#access/principal.js';
import { mayDo, type RegistryTarget } from '#access/registry-rights.js';
import type { RegistryAction } from '#access/robot-scope.js';
import { permits, type TokenClaims } from '#access/token-claims.js';
import { TokenVerifier } from '#access/token-verifier.js';
import type { ServedPath } from '#content/distributions/find-distribution.js';
import type { ListedPath } from '#content/distributions/list-distributions.js';
import { guardLetsPass } from '#content/guards/ask-guard.js';
import { isRepositoryName } from '#oci/reference.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { forbidden, invalid, isDomainError, notFound, unauthenticated } from '#platform/domain-error.js';
import { setChallenge, type TokenProblem } from './challenge.js';
import { knowPath, Rights, targetOf } from '#content/distributions/path-rights.js';
import { Places } from '../fast-path/places.js';

/** Who asks, and with which token if any. */
export interface Caller {
  readonly principal: Principal;
  readonly claims?: TokenClaims | undefined;
}

/** A request that was let in. */
export interface Visit extends Caller {
  readonly name: string;
  /** What rights on the name are decided from. */
  readonly target: RegistryTarget;
  /** What is served at the name; absent when nothing is. For who pushes, what it says of the content may be old. */
  readonly served?: ServedPath | undefined;
}

/** A request with its answer. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** What a request wants to do; `from` are repositories that it also has to read. */
export interface Wish {
  readonly name: string;
  readonly action: RegistryAction;
  readonly from?: readonly string[];
}

/**
 * Lets requests into repositories. Nobody learns whether a repository exists that he may not read: to anonymous both are
 * 401, to an account both are 404 for reading and 403 for writing.
 */
@Injectable()
export class Gate {
  readonly rights: Rights;

  constructor(
    private readonly source: DataSource,
    private readonly authenticator: Authenticator,
    private readonly verifier: TokenVerifier,
    private readonly places: Places,
    permissions: Permissions,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {
    this.rights = new Rights(permissions, config);
  }

  /** Whoever the request comes from; bad credentials are 401 with the challenge for the scopes. */
  async identify({ request, reply }: Exchange, scopes: readonly string[] = []): Promise<Caller> {
    const { authorization } = request.raw.headers;
    const bearer = authorization !== undefined && /^bearer(?:\s|$)/i.test(authorization);
    try {
      if (bearer) return await this.verifier.verify(authorization);
      return { principal: await this.authenticator.authenticate(authorization, request.ip) };
    } catch (error) {
      if (isDomainError(error) && error.kind === 'unauthenticated')
        this.challenge(reply, scopes, bearer ? 'invalid_token' : undefined);
      throw error;
    }
  }

  /** Lets a request in or throws: 401, 403, or 404 for what the caller may not know of. */
  async enter(exchange: Exchange, wish: Wish): Promise<Visit> {
    requireName(wish);
    const scopes = scopesOf(wish);
    const caller = await this.identify(exchange, scopes);
    const writes = wish.action === 'push';
    const { served, target, guardId } = await (writes ? this.places.path(wish.name) : knowPath(this.source, wish.name));
    if (!(await this.allows(caller, wish, target))) throw this.refusal(exchange.reply, caller, wish, scopes);
    const visit = { ...caller, name: wish.name, target, served };
    if (guardId !== null && wish.action === 'pull' && !(await this.pushes(visit)))
      await this.demandGuard(exchange, caller, wish, guardId);
    return visit;
  }

  /** As {@link enter} for reading; throws NAME_UNKNOWN unless something is served there. */
  async enterServed(exchange: Exchange, wish: Wish): Promise<Visit & { readonly served: ServedPath }> {
    const visit = await this.enter(exchange, wish);
    if (!visit.served?.repositoryId) throw nameUnknown(wish.name);
    return { ...visit, served: visit.served };
  }

  /**
   * True when the caller may read one of these paths: by right, and by his token when he has one. Asks nothing twice.
   * Guarded paths do not count; who wants their blobs sends them.
   */
  async mayReadOne({ principal, claims }: Caller, paths: readonly ListedPath[]): Promise<boolean> {
    const holder = await this.rights.holder(principal);
    const byRight = (path: ListedPath) =>
      mayDo(holder, targetOf(path.basePath, path.namespaceId ?? undefined, path), 'pull');
    const byToken = ({ basePath }: ListedPath) => !claims || permits(claims, 'repository', basePath, 'pull');
    return paths.some((path) => !path.guarded && (!path.private || (byRight(path) && byToken(path))));
  }

  /**
   * The repository behind a plain path that is known already, when the caller may read it. Undefined says nothing: the path
   * has to be looked up then, whether there is anything or not.
   */
  async knownSource({ principal, claims }: Caller, name: string): Promise<string | undefined> {
    const { served, target } = this.places.known(name) ?? {};
    if (!served || !target || served.pinned !== null) return undefined;
    const inToken = !claims || permits(claims, 'repository', name, 'pull');
    const readable = !served.private || (inToken && (await this.rights.may(principal, target, 'pull')));
    return readable ? (served.repositoryId ?? undefined) : undefined;
  }

  /** Keeps in mind what stands at a path that the caller was found to read: he may mount more from there. */
  async learnSource(name: string): Promise<void> {
    await this.places.path(name);
  }

  /**
   * True for a client in the middle of a push, which reads what it pushes on to and downloads nothing: it has a token for
   * pushing, and the right to push still.
   */
  async pushes({ principal, claims, name, target }: Visit): Promise<boolean> {
    if (!claims || !permits(claims, 'repository', name, 'push')) return false;
    return this.rights.may(principal, target, 'push');
  }

  /** Throws unless the guard of the path lets the download pass. */
  private async demandGuard({ request, reply }: Exchange, caller: Caller, wish: Wish, guardId: string): Promise<void> {
    const { principal, claims } = caller;
    const download = { holder: await this.rights.holder(principal), headers: request.raw.headers };
    if (await guardLetsPass(this.source, guardId, download)) return;
    if (principal.kind !== 'anonymous' || claims)
      throw forbidden('The content guard of this path refuses the request.');
    this.challenge(reply, scopesOf(wish));
    throw unauthenticated();
  }

  /** Puts a challenge on the answer. */
  challenge(reply: FastifyReply, scopes: readonly string[], problem?: TokenProblem): void {
    setChallenge(reply, this.config, scopes, problem);
  }

  private async allows(caller: Caller, { name, action }: Wish, target: RegistryTarget): Promise<boolean> {
    const granted = action === 'delete' ? ['delete', 'push', '*'] : [action];
    const inToken = !caller.claims || granted.some((each) => permits(caller.claims!, 'repository', name, each));
    return (await this.rights.may(caller.principal, target, action)) && inToken;
  }

  private refusal(reply: FastifyReply, caller: Caller, wish: Wish, scopes: readonly string[]): Error {
    if (caller.claims) {
      this.challenge(reply, scopes, 'insufficient_scope');
      return unauthenticated('Insufficient permissions');
    }
    if (caller.principal.kind === 'anonymous') {
      this.challenge(reply, scopes);
      return unauthenticated();
    }
    return wish.action === 'pull'
      ? nameUnknown(wish.name)
      : forbidden('Access to the requested resource is not authorized.');
  }
}

function requireName({ name, action }: Wish): void {
  if (isRepositoryName(name)) return;
  if (action === 'pull') throw nameUnknown(name.slice(0, 255));
  throw invalid('The repository name is not valid.', 'name', 'NAME_INVALID', { name: name.slice(0, 255) });
}

function scopesOf({ name, action, from = [] }: Wish): string[] {
  const actions = action === 'pull' ? 'pull' : 'pull,push';
  return [
    `repository:${name}:${actions}`,
    ...from.filter((source) => isRepositoryName(source)).map((source) => `repository:${source}:pull`),
  ];
}

/** The same for what is not there and what the caller may not see. */
export const nameUnknown = (name: string) => notFound('Repository not found.', 'NAME_UNKNOWN', { name });

/** Who an upload session belongs to. */
export function principalKey({ principal }: Caller): string {
  return principal.kind === 'anonymous' ? 'anonymous' : `${principal.kind}:${principal.id}`;
}
