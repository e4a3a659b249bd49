import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { creating, type Writing } from '../rest/standard/writing.js';
import { deletingAtOnce, updatingAtOnce } from '../rest/standard/writing-at-once.js';
import { GROUP_WRITER, GroupBody, GROUPS } from './groups.resource.js';

const WRITING: Writing<GroupBody> = {
  writer: GROUP_WRITER,
  body: GroupBody,
  unique: ['name'],
  columns: ({ name }) => ({ name }),
};

/** Users that get roles together. */
@ResourceController(GROUPS, LIST, READ, creating(WRITING), updatingAtOnce(WRITING), deletingAtOnce(GROUP_WRITER), ROLES)
export class GroupsController extends RestHost {}
