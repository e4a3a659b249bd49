import { ReferenceField, TextField, WholeField } from '../../rest/body/fields.js';
import { LabelsField } from '../../rest/body/labels.js';
import type { CrossChecked } from '../../rest/body/validate-body.js';
import { prnOf, type Located } from '../../rest/models.js';
import type { Columns } from '../../rest/writing/writer.js';

/** What a push repository is made from or changed by. */
export class PushRepositoryBody {
  @LabelsField()
  pulp_labels?: Record<string, string | null>;

  @TextField({ description: 'A unique name for this repository.' })
  name: string;

  @TextField({ optional: true, nullable: true, description: 'An optional description.' })
  description?: string | null;

  @WholeField({
    optional: true,
    nullable: true,
    min: 1,
    description: 'Retain X versions of the repository. Default is null which retains all versions.',
  })
  retain_repo_versions?: number | null;

  @WholeField({ optional: true, nullable: true, min: 1, description: 'Retain X checkpoint publications.' })
  retain_checkpoints?: number | null;

  @ReferenceField(['core.signingservice'], {
    unseen: true,
    optional: true,
    nullable: true,
    description: 'A reference to an associated signing service.',
  })
  manifest_signing_service?: Located | null;
}

/** What a repository is made from or changed by. */
export class RepositoryBody extends PushRepositoryBody implements CrossChecked {
  @ReferenceField(['container.containerremote', 'container.containerpullthroughremote'], {
    optional: true,
    nullable: true,
    description: 'An optional remote to use by default when syncing.',
  })
  remote?: Located | null;

  problems(): Record<string, string[]> | undefined {
    const { remote } = this;
    if (!remote || remote.model !== 'container.containerpullthroughremote') return undefined;
    return { remote: [`Type for Remote '${prnOf(remote.model, remote.id)}' does not match Repository.`] };
  }
}

/** The key in a reference; undefined stays undefined. */
export const keyOf = (located: Located | null | undefined): string | null | undefined =>
  located && 'id' in located ? located.id : (located as null | undefined);

/** The columns that a body sets. */
export function repositoryColumns(body: RepositoryBody): Columns {
  return {
    name: body.name,
    description: body.description,
    pulp_labels: body.pulp_labels,
    retain_repo_versions: body.retain_repo_versions,
    retain_checkpoints: body.retain_checkpoints,
    signing_service_id: keyOf(body.manifest_signing_service),
    remote_id: keyOf(body.remote),
  };
}
