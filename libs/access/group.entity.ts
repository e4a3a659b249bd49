import {
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { UserAccount } from './user.entity.js';

/** Users that get roles together. */
@Entity('access_group')
export class AccessGroup {
  @PrimaryGeneratedColumn({ type: 'integer' })
  id: number;

  @Column({ type: 'varchar', length: 150, unique: true })
  name: string;
}

/** One user in one group. */
@Entity('access_group_member')
export class AccessGroupMember {
  @PrimaryColumn({ name: 'group_id', type: 'integer' })
  groupId: number;

  @PrimaryColumn({ name: 'user_id', type: 'integer' })
  @Index('access_group_member_user')
  userId: number;

  @ManyToOne(() => AccessGroup, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'group_id' })
  group: Relation<AccessGroup>;

  @ManyToOne(() => UserAccount, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id' })
  user: Relation<UserAccount>;
}
