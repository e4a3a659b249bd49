import type { RobotScope } from './robot-scope.js';

/** Nobody in particular. */
export interface AnonymousPrincipal {
  readonly kind: 'anonymous';
  readonly id: null;
  readonly username: '';
  readonly isSuperuser: false;
  readonly groups: readonly number[];
}

/** A person or a script with an account. */
export interface UserPrincipal {
  readonly kind: 'user';
  readonly id: number;
  readonly username: string;
  readonly isSuperuser: boolean;
  readonly groups: readonly number[];
  /** Changes when tokens issued before must no longer work. */
  readonly stamp: string;
}

/** A robot account: its scopes, and never more than its owner. */
export interface RobotPrincipal {
  readonly kind: 'robot';
  readonly id: string;
  /** With the `robot$`. */
  readonly username: string;
  readonly isSuperuser: false;
  readonly groups: readonly number[];
  readonly scopes: readonly RobotScope[];
  readonly owner: UserPrincipal;
  readonly expiresAt: Date | null;
  readonly stamp: string;
}

/** Whoever a request comes from. */
export type Principal = AnonymousPrincipal | UserPrincipal | RobotPrincipal;

/** The principal of requests without credentials. */
export const ANONYMOUS: AnonymousPrincipal = Object.freeze({
  kind: 'anonymous',
  id: null,
  username: '',
  isSuperuser: false,
  groups: [],
});

/** What robots' names begin with when they sign in. */
export const ROBOT_PREFIX = 'robot$';

/** The stamp that registry tokens carry; nobody's is empty. */
export function stampOf(principal: Principal): string {
  return principal.kind === 'anonymous' ? '' : principal.stamp;
}
