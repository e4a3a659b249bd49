import type { DispatchOptions } from '#tasks/dispatch.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { SETTLED_LABELS } from '../rest/standard/labels.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { creatingByTask, deleting, updating } from '../rest/standard/writing.js';
import { distributionColumns, pullThroughColumns } from './distribution-columns.js';
import { DISTRIBUTION_WRITER, PULL_THROUGH_WRITER } from './distribution.writer.js';
import { ALL_DISTRIBUTIONS, DISTRIBUTIONS, PULL_THROUGH_DISTRIBUTIONS } from './distributions.resource.js';
import { DistributionBody, PullThroughDistributionBody } from './dto/distribution.body.js';

/** Paths are given out one at a time. */
const reserve = (id?: string): DispatchOptions =>
  id === undefined
    ? { exclusive: ['pdrn:default:distribution.base_path'] }
    : { shared: ['pdrn:default:distributions'] };

const unique = ['name', 'base_path'];

const WRITING = {
  writer: DISTRIBUTION_WRITER,
  body: DistributionBody,
  unique,
  columns: distributionColumns,
  reserve,
};

const PULL_THROUGH_WRITING = {
  writer: PULL_THROUGH_WRITER,
  body: PullThroughDistributionBody,
  unique,
  columns: pullThroughColumns,
  reserve,
};

/** What is served under a path. */
@ResourceController(
  DISTRIBUTIONS,
  LIST,
  READ,
  creatingByTask(WRITING),
  updating(WRITING),
  deleting(),
  SETTLED_LABELS,
  ROLES,
)
export class DistributionsController extends RestHost {}

/** Whole registries served under a path. */
@ResourceController(
  PULL_THROUGH_DISTRIBUTIONS,
  LIST,
  READ,
  creatingByTask(PULL_THROUGH_WRITING),
  updating(PULL_THROUGH_WRITING),
  deleting(),
  SETTLED_LABELS,
  ROLES,
)
export class PullThroughDistributionsController extends RestHost {}

/** All distributions, whatever their type. */
@ResourceController(ALL_DISTRIBUTIONS, LIST)
export class AllDistributionsController extends RestHost {}
