import { Check, Column, Entity, Index, JoinColumn, ManyToOne, type Relation } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';
import { AccessGroup } from './group.entity.js';
import { Role } from './role.entity.js';
import { UserAccount } from './user.entity.js';

/** A role given to a user or a group, on one object or (without one) on everything of its models. */
@Entity('role_assignment')
@Check('role_assignment_holder', '(user_id is null) <> (group_id is null)')
@Index('role_assignment_user_object', ['userId', 'roleId', 'contentObject'], {
  unique: true,
  where: 'user_id is not null and content_object is not null',
})
@Index('role_assignment_user_model', ['userId', 'roleId'], {
  unique: true,
  where: 'user_id is not null and content_object is null',
})
@Index('role_assignment_user_loaded', ['userId'], {
  where: `user_id is not null and (content_object is null or content_object not like 'core.task:%')`,
})
@Index('role_assignment_group', ['groupId'], { where: 'group_id is not null' })
@Index('role_assignment_group_object', ['groupId', 'roleId', 'contentObject'], {
  unique: true,
  where: 'group_id is not null and content_object is not null',
})
@Index('role_assignment_group_model', ['groupId', 'roleId'], {
  unique: true,
  where: 'group_id is not null and content_object is null',
})
export class RoleAssignment extends ResourceEntity {
  @Column({ name: 'role_id', type: 'uuid' })
  @Index('role_assignment_role')
  roleId: string;

  @Column({ name: 'user_id', type: 'integer', nullable: true })
  userId: number | null;

  @Column({ name: 'group_id', type: 'integer', nullable: true })
  groupId: number | null;

  /** `app.model:uuid`; null: model level. */
  @Column({ name: 'content_object', type: 'text', nullable: true })
  @Index('role_assignment_object')
  contentObject: string | null;

  /** Domains are off: always null. */
  @Column({ type: 'text', nullable: true })
  domain: string | null;

  @ManyToOne(() => Role, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'role_id' })
  role: Relation<Role>;

  @ManyToOne(() => UserAccount, { onDelete: 'CASCADE', nullable: true })
  @JoinColumn({ name: 'user_id' })
  user: Relation<UserAccount> | null;

  @ManyToOne(() => AccessGroup, { onDelete: 'CASCADE', nullable: true })
  @JoinColumn({ name: 'group_id' })
  group: Relation<AccessGroup> | null;
}
