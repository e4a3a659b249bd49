import type { EntityManager } from 'typeorm';
import { isUniqueViolation, rowsOf } from '#platform/database.js';
import { invalid, notFound } from '#platform/domain-error.js';
import { announceIdentity } from './access-changes.js';
import { AccessGroup, AccessGroupMember } from './group.entity.js';
import { UserAccount } from './user.entity.js';
import { expireTokens } from './users.js';

/** Makes a group. */
export async function createGroup(tx: EntityManager, name: string): Promise<AccessGroup> {
  checkName(name);
  return await unique(() => tx.save(tx.create(AccessGroup, { name })));
}

/** One group. */
export async function getGroup(tx: EntityManager, id: number): Promise<AccessGroup> {
  const group = await tx.findOneBy(AccessGroup, { id });
  if (!group) throw notFound('No Group matches the given query.');
  return group;
}

/** Gives a group another name. */
export async function renameGroup(tx: EntityManager, id: number, name: string): Promise<AccessGroup> {
  checkName(name);
  await getGroup(tx, id);
  await unique(() => tx.update(AccessGroup, { id }, { name }));
  return await getGroup(tx, id);
}

/** Removes a group with its roles; members lose what they had by it at once. */
export async function deleteGroup(tx: EntityManager, id: number): Promise<void> {
  // Locked, so that nobody gets in between this reading and the end of the group.
  await tx.query('select 1 from access_group where id = $1 for update', [id]);
  await getGroup(tx, id);
  const members = await memberIds(tx, id);
  await tx.delete(AccessGroup, { id });
  await expireTokens(tx, members);
}

/** Takes a user, by name or id, into a group; being in it already is fine. */
export async function addMember(tx: EntityManager, groupId: number, user: string | number): Promise<UserAccount> {
  await getGroup(tx, groupId);
  const found = await tx.findOneBy(UserAccount, typeof user === 'number' ? { id: user } : { username: user });
  if (!found) throw invalid(`Could not find user ${user}`, 'username');
  await tx.query('insert into access_group_member (group_id, user_id) values ($1, $2) on conflict do nothing', [
    groupId,
    found.id,
  ]);
  await announceIdentity(tx, found.id);
  return found;
}

/** Takes a user out of a group. */
export async function removeMember(tx: EntityManager, groupId: number, userId: number): Promise<void> {
  const { affected } = await tx.delete(AccessGroupMember, { groupId, userId });
  if (!affected) throw notFound('No User matches the given query.');
  await expireTokens(tx, [userId]);
}

/** Members of a group by name. */
export async function listMembers(tx: EntityManager, groupId: number): Promise<UserAccount[]> {
  await getGroup(tx, groupId);
  return await tx
    .createQueryBuilder(UserAccount, 'u')
    .innerJoin(AccessGroupMember, 'm', 'm.user_id = u.id and m.group_id = :groupId', { groupId })
    .orderBy('u.username')
    .getMany();
}

/** Ids of the members of a group. */
export async function memberIds(tx: EntityManager, groupId: number): Promise<number[]> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    'select user_id as id from access_group_member where group_id = $1 order by 1',
    [groupId],
  );
  return rows.map(({ id }) => id);
}

function checkName(name: string): void {
  if (name === '') throw invalid('This field may not be blank.', 'name');
  if (name.length > 150) throw invalid('Ensure this field has no more than 150 characters.', 'name');
}

async function unique<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (isUniqueViolation(error)) throw invalid('This field must be unique.', 'name');
    throw error;
  }
}
