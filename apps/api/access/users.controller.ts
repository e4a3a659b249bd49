import { PasswordHasher } from '#access/password-hashing.js';
import { checkPassword } from '#access/users.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { creating, type Writing } from '../rest/standard/writing.js';
import { deletingAtOnce, IN_THE_WAY, updatingAtOnce } from '../rest/standard/writing-at-once.js';
import type { Columns } from '../rest/writing/writer.js';
import { UserBody } from './dto/user.body.js';
import { USER_WRITER, USERS } from './users.resource.js';

const hasher = new PasswordHasher();

/** The stored form of a new password; null switches sign-in by password off, undefined leaves it alone. */
async function hashed(password: string | null | undefined): Promise<string | null | undefined> {
  if (password === undefined || password === null) return password;
  checkPassword(password);
  return hasher.hash(password);
}

async function userColumns({ password, ...columns }: UserBody): Promise<Columns> {
  return { ...columns, password_hash: await hashed(password) };
}

const WRITING: Writing<UserBody> = {
  writer: USER_WRITER,
  body: UserBody,
  unique: ['username'],
  columns: userColumns,
};

/** People and scripts that sign in. */
@ResourceController(
  USERS,
  LIST,
  READ,
  creating(WRITING),
  updatingAtOnce(WRITING, IN_THE_WAY),
  deletingAtOnce(USER_WRITER, IN_THE_WAY),
)
export class UsersController extends RestHost {}
