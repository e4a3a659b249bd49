import { MANIFEST_TYPES, MediaType } from '#oci/media-types.js';
import { FlagField, ReferenceField, TextField, TextListField } from '../../rest/body/fields.js';
import type { CrossChecked } from '../../rest/body/validate-body.js';
import type { Located } from '../../rest/models.js';

const TAG = {
  regex: /^[A-Za-z0-9_][A-Za-z0-9._-]*$/,
  message:
    'The provided tag is not valid. A tag may contain lowercase and uppercase letters, digits, underscores, periods, and dashes.',
};
const TAG_LENGTH = 128;

/** What to tag. */
export class TagImage {
  @TextField({ pattern: TAG, max: TAG_LENGTH, description: 'A tag name' })
  tag: string;

  @TextField({ description: 'sha256 of the Manifest file' })
  digest: string;
}

/** What to untag. */
export class UntagImage {
  @TextField({ description: 'A tag name' })
  tag: string;
}

/** What to add or remove, with everything that it names. */
export class RecursiveManage {
  @TextListField({ optional: true, description: 'A list of content units to operate on.' })
  content_units?: string[];
}

/** What to add or remove exactly, and from which version to start. */
export class Modify {
  @TextListField({ optional: true, description: 'Content units to add; taken as they are.' })
  add_content_units?: string[];

  @TextListField({ optional: true, description: "Content units to remove; '*' removes all." })
  remove_content_units?: string[];

  @ReferenceField(['core.repositoryversion'], { optional: true, description: 'The version to start from.' })
  base_version?: Located;

  @FlagField({ fallback: true, description: 'Whether a tag that is added may take the place of its namesake.' })
  overwrite: boolean;
}

const NEITHER = "Either the 'repository' or 'repository_version' needs to be specified";
const BOTH = "Either the 'repository' or 'repository_version' need to be specified but not both.";

abstract class CopyBody implements CrossChecked {
  @ReferenceField(['container.containerrepository', 'container.containerpushrepository'], {
    optional: true,
    description: 'The repository to copy content from.',
  })
  source_repository?: Located;

  @ReferenceField(['core.repositoryversion'], {
    optional: true,
    description: 'The repository version to copy content from.',
  })
  source_repository_version?: Located;

  problems(): Record<string, string[]> | undefined {
    const { source_repository: repository, source_repository_version: version } = this;
    if (!repository && !version) return { non_field_errors: [NEITHER] };
    return repository && version ? { non_field_errors: [BOTH] } : undefined;
  }
}

const optional = { optional: true, nullable: true } as const;

/** Which tags to copy from where. */
export class TagCopy extends CopyBody {
  @TextListField({ ...optional, description: 'A list of tag names to copy.' })
  names?: string[] | null;
}

/** What manifests here may be: all that is stored, and what Pulp stores beside it. */
const MEDIA_TYPES = [...MANIFEST_TYPES, MediaType.dockerSchema1, MediaType.dockerSchema1Signed];

/** Which manifests to copy from where. */
export class ManifestCopy extends CopyBody {
  @TextListField({ ...optional, description: 'A list of manifest digests to copy.' })
  digests?: string[] | null;

  @TextListField({ ...optional, choices: MEDIA_TYPES, description: 'A list of media_types to copy.' })
  media_types?: string[] | null;
}

/** The image to remove. */
export class RemoveImage {
  @TextField({ description: 'sha256 of the Manifest file' })
  digest: string;
}

/** The key whose signatures to remove. */
export class RemoveSignatures {
  @TextField({ description: 'key_id of the key the signatures were produced with' })
  signed_with_key_id: string;
}

/** What to sign and with what. */
export class RepositorySign {
  @ReferenceField(['core.signingservice'], {
    unseen: true,
    ...optional,
    description: 'A signing service to use to sign; the repository’s own when left out.',
  })
  manifest_signing_service?: Located | null;

  @TextField({ optional: true, description: 'Future base path content will be distributed at for sync repos' })
  future_base_path?: string;

  @TextListField({ optional: true, description: 'A list of tags to sign.' })
  tags_list?: string[];

  @FlagField({ fallback: false, description: 'Sign again what this key has signed already.' })
  force: boolean;

  @FlagField({ fallback: false, description: 'Sign indexes too, not only the images that they list.' })
  sign_lists: boolean;
}

/** From where to sync, and how. */
export class SyncBody {
  @ReferenceField(['container.containerremote', 'container.containerpullthroughremote'], {
    optional: true,
    description: 'A remote to sync from. This will override a remote set on repository.',
  })
  remote?: Located;

  @FlagField({
    fallback: false,
    description: 'Make the repository equal to the upstream; otherwise content is only added.',
  })
  mirror: boolean;

  @FlagField({ fallback: false, description: 'If True, only signed content will be synced.' })
  signed_only: boolean;
}

/** Nothing. */
export class EmptyBody {}
