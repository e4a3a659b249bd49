import { GUARD_MODELS } from '../../guards/guard.body.js';
import { FlagField, ReferenceField, TextField, TextListField } from '../../rest/body/fields.js';
import { LabelsField } from '../../rest/body/labels.js';
import type { CrossChecked } from '../../rest/body/validate-body.js';
import type { Located } from '../../rest/models.js';

const optional = { optional: true, nullable: true } as const;
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-*)[a-z0-9])*$/;
const LONGEST = 255;

/** What every distribution is made from. */
export class DistributionBody implements CrossChecked {
  @TextField({ description: 'A unique name. Ex, `rawhide` and `stable`.' })
  name: string;

  @TextField({ description: 'The base (relative) path component of the published url.' })
  base_path: string;

  @LabelsField()
  pulp_labels?: Record<string, string | null>;

  @ReferenceField(['container.containerrepository', 'container.containerpushrepository'], {
    ...optional,
    description: 'The latest RepositoryVersion for this Repository will be served.',
  })
  repository?: Located | null;

  @ReferenceField(['core.repositoryversion'], { ...optional, description: 'RepositoryVersion to be served' })
  repository_version?: Located | null;

  @ReferenceField(GUARD_MODELS, { optional: true, unseen: true, description: 'An optional content-guard.' })
  content_guard?: Located;

  @FlagField({ optional: true, description: 'Restrict pull access to explicitly authorized users.' })
  private?: boolean;

  @FlagField({ fallback: false, description: 'Whether this distribution should be hidden in the content app.' })
  hidden?: boolean;

  @TextField({ ...optional, description: 'An optional description.' })
  description?: string | null;

  @ReferenceField(['hallmark.trustpolicy'], {
    ...optional,
    unseen: true,
    description: 'Only what passes this trust policy is served.',
  })
  trust_policy?: Located | null;

  problems(): Record<string, string[]> | undefined {
    return pathProblem(this.base_path);
  }
}

/** What a pull-through distribution is made from. */
export class PullThroughDistributionBody extends DistributionBody {
  @ReferenceField(['container.containerpullthroughremote'], {
    description: 'Remote that can be used to fetch content.',
  })
  remote: Located;

  @TextListField({ optional: true, description: 'Distributions created after pulling content through cache' })
  distributions?: string[];
}

function pathProblem(path: string | undefined): Record<string, string[]> | undefined {
  if (path === undefined) return undefined;
  const say = (text: string) => ({ base_path: [text] });
  if (path.length > LONGEST) return say('The entered base path cannot be longer than 255 characters.');
  const pieces = path.split('/');
  if (pieces.some((piece) => ['', '.', '..'].includes(piece)))
    return say(`Relative path is not in canonical form. ${path}`);
  if (pieces.some((piece) => !safeComponent(piece)))
    return say('The provided base path contains forbidden characters.');
  return undefined;
}

/** The pattern may step back on long runs of dashes, so they are shortened first. */
const safeComponent = (piece: string): boolean => COMPONENT.test(piece.replaceAll(/-{2,}(?=[a-z0-9])/g, '-'));
