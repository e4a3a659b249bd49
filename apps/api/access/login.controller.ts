import { Inject } from '@nestjs/common';
import { Authenticator } from '#access/authenticator.js';
import { PasswordHasher } from '#access/password-hashing.js';
import { createSession, csrfTokenOf, endSession, SESSION_SECONDS } from '#access/sessions.js';
import { checkPassword, getUser, updateUser, type UserFields } from '#access/users.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { inTransaction } from '#platform/database.js';
import { forbidden, isDomainError } from '#platform/domain-error.js';
import { CSRF_COOKIE, SESSION_COOKIE, sessionToken } from '../rest/access/callers.js';
import { Context, type RestContext } from '../rest/context.js';
import { badField } from '../rest/errors.js';
import { href, text, derived } from '../rest/fields.js';
import { prnOf } from '../rest/models.js';
import { DeleteRoute, GetRoute, PatchRoute, PostRoute } from '../rest/operation.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { PlacedController, RestHost } from '../rest/rest-controller.js';
import { LoginUpdateBody } from './dto/user.body.js';

const LOGIN: Resource = defineResource({
  model: 'auth.user',
  path: 'login',
  operations: 'login',
  tag: 'Login',
  schema: 'Login',
  bare: true,
  fields: {
    pulp_href: href('auth.user', 't.id', { readOnly: true }),
    prn: derived('t.id', { type: 'string' }, (id: number) => prnOf('auth.user', id)),
    username: text('t.username', { readOnly: true }),
  },
  access: {
    actions: {
      login: 'authenticated',
      login_read: 'authenticated',
      login_update: 'authenticated',
      logout: 'authenticated',
    },
  },
});

const ACCOUNT_SCHEMA = {
  type: 'object',
  properties: Object.fromEntries(
    ['username', 'first_name', 'last_name', 'email'].map((name) => [name, { type: 'string' }]),
  ),
};

const PLACE = { path: 'login', tag: 'Login', operations: 'login', resource: LOGIN };

/** The id of the user who asks; robots have no account of their own. */
function userOf({ principal }: RestContext): number {
  if (principal.kind !== 'user') throw forbidden();
  return principal.id;
}

/** The session of a browser, and one's own account. */
@PlacedController(PLACE, LOGIN)
export class LoginController extends RestHost {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly hasher: PasswordHasher,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {
    super();
  }

  @PostRoute('', {
    action: 'login',
    id: 'login',
    summary: 'Create a session',
    answers: { 201: 'resource' },
  })
  async login(@Context() context: RestContext): Promise<object> {
    const id = userOf(context);
    const token = await inTransaction(this.rest.source, (tx) => createSession(tx, id));
    this.setCookies(context, token, SESSION_SECONDS);
    return this.rest.show(LOGIN, id);
  }

  @GetRoute('', {
    action: 'login_read',
    id: 'login_read',
    summary: 'Inspect logged in user.',
    answers: { 200: 'resource' },
  })
  read(@Context() context: RestContext): Promise<object> {
    return this.rest.show(LOGIN, userOf(context));
  }

  @PatchRoute('', {
    action: 'login_update',
    id: 'login_update',
    summary: 'Change your own account',
    body: { schema: 'PatchedLoginUpdate', of: LoginUpdateBody },
    answers: { 200: { schema: 'LoginUpdateResponse', of: ACCOUNT_SCHEMA } },
  })
  async update(@Context() context: RestContext): Promise<object> {
    const id = userOf(context);
    const { username, first_name, last_name, email, ...passwords } = await this.rest.body(context, LoginUpdateBody);
    // The name of an account is a right to the namespace of that name.
    if (username !== undefined && username !== context.principal.username && !context.principal.isSuperuser)
      throw badField('username', 'Only a superuser changes the names of accounts.');
    const passwordHash = await this.newPassword(context, passwords);
    const changes: Partial<UserFields> = {
      ...(username === undefined ? {} : { username }),
      ...(first_name === undefined ? {} : { firstName: first_name }),
      ...(last_name === undefined ? {} : { lastName: last_name }),
      ...(email === undefined ? {} : { email }),
      ...(passwordHash === undefined ? {} : { passwordHash }),
    };
    const user = await inTransaction(this.rest.source, (tx) => updateUser(tx, id, changes));
    return { username: user.username, first_name: user.firstName, last_name: user.lastName, email: user.email };
  }

  @DeleteRoute('', { action: 'logout', id: 'logout', summary: 'End the session', answers: { 204: 'empty' } })
  async logout(@Context() context: RestContext): Promise<void> {
    const token = sessionToken(context.request.headers.cookie);
    if (token) await inTransaction(this.rest.source, (tx) => endSession(tx, token));
    this.setCookies(context, '', 0);
  }

  private async newPassword(
    context: RestContext,
    { old_password, new_password }: Pick<LoginUpdateBody, 'old_password' | 'new_password'>,
  ): Promise<string | undefined> {
    if (new_password === undefined) return undefined;
    const { username } = await getUser(this.rest.source.manager, userOf(context));
    try {
      await this.authenticator.signIn({ username, password: old_password ?? '' }, context.request.ip);
    } catch (error) {
      if (isDomainError(error) && error.kind === 'unauthenticated')
        throw badField('old_password', 'The password is wrong.');
      throw error;
    }
    checkPassword(new_password);
    return this.hasher.hash(new_password);
  }

  private setCookies({ reply }: RestContext, session: string, seconds: number): void {
    const secure = this.config.publicUrl.startsWith('https:') ? '; Secure' : '';
    const rest = `Path=/; SameSite=Strict; Max-Age=${seconds}${secure}`;
    const csrfToken = session === '' ? '' : csrfTokenOf(session);
    void reply.header('set-cookie', [
      `${SESSION_COOKIE}=${session}; HttpOnly; ${rest}`,
      `${CSRF_COOKIE}=${csrfToken}; ${rest}`,
    ]);
  }
}
