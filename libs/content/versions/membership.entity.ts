import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { UnitKind } from './version.entity.js';

/**
 * One stay of a unit in a repository: in every version v with `added_in <= v` and (`removed_in` null or `removed_in > v`).
 * The numbers may be those of versions that were deleted: a version changed whatever came or went since the one before it.
 * Pulls by tag and pushers of one tag meet at the partial unique index over repository and tag name.
 */
@Entity('membership')
@Index('membership_now', ['repositoryId', 'unitId'], { unique: true, where: 'removed_in is null' })
@Index('membership_tag_now', ['repositoryId', 'tagName'], {
  unique: true,
  where: 'removed_in is null and tag_name is not null',
})
@Index('membership_tag', ['repositoryId', 'tagName', 'addedIn'], { where: 'tag_name is not null' })
@Index('membership_added', ['repositoryId', 'kind', 'addedIn', 'unitId'])
@Index('membership_kind', ['repositoryId', 'kind', 'unitId', 'addedIn', 'removedIn'])
@Index('membership_removed', ['repositoryId', 'removedIn'], { where: 'removed_in is not null' })
@Index('membership_unit', ['unitId', 'repositoryId'])
export class MembershipEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'BY DEFAULT' })
  id: number;

  @Column({ name: 'repository_id', type: 'uuid' })
  repositoryId: string;

  @Column({ name: 'unit_id', type: 'uuid' })
  unitId: string;

  @Column({ type: 'text' })
  kind: UnitKind;

  @Column({ name: 'tag_name', type: 'text', nullable: true, collation: 'C' })
  tagName: string | null;

  @Column({ name: 'added_in', type: 'int' })
  addedIn: number;

  @Column({ name: 'removed_in', type: 'int', nullable: true })
  removedIn: number | null;
}

/**
 * SQL at the end of a subquery: the member of a repository that stands under a tag now. It asks for the order of the index
 * over tags: until a new table is analysed every other index of its repository looks as good, and a prepared statement that
 * was planned then would read the whole repository for each tag.
 */
export const underTag = (m: string, name: string) =>
  `${m}.tag_name >= ${name} and ${m}.tag_name <= ${name} and ${m}.removed_in is null order by ${m}.tag_name limit 1`;
