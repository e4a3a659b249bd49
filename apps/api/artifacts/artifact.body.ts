import type { ReceivedFile } from '#content/artifacts/receive-file.js';
import { bodyField } from '../rest/body/body-field.js';
import { TextField, WholeField } from '../rest/body/fields.js';

const SUM = { optional: true, nullable: true } as const;
const NOT_A_FILE = 'The submitted data was not a file. Check the encoding type on the form.';

/** The file of a form, after it came in. */
export function FileField(): PropertyDecorator {
  return bodyField({ type: 'string', format: 'binary' }, { description: 'The file.' }, (value) =>
    typeof value === 'object' ? { value } : { problem: [NOT_A_FILE] },
  );
}

/** A checksum that nobody should rely on any more: known by name, and refused. */
function ForbiddenSum(name: string): PropertyDecorator {
  const description = `The ${name} checksum of the file. Forbidden here.`;
  return bodyField({ type: 'string' }, { ...SUM, description }, (value) =>
    value === '' ? { value: undefined } : { problem: [`Checksum algorithm ${name} is forbidden; use SHA-256.`] },
  );
}

/** What an artifact is made from. */
export class ArtifactBody {
  @FileField()
  file: ReceivedFile;

  @WholeField({ optional: true, min: 0, max: Number.MAX_SAFE_INTEGER, description: 'The size of the file in bytes.' })
  size?: number;

  @ForbiddenSum('MD5')
  md5?: never;

  @ForbiddenSum('SHA-1')
  sha1?: never;

  @TextField({ ...SUM, description: 'The SHA-224 checksum of the file.' })
  sha224?: string | null;

  @TextField({ ...SUM, description: 'The SHA-256 checksum of the file.' })
  sha256?: string | null;

  @TextField({ ...SUM, description: 'The SHA-384 checksum of the file.' })
  sha384?: string | null;

  @TextField({ ...SUM, description: 'The SHA-512 checksum of the file.' })
  sha512?: string | null;
}

/** One piece of a file. */
export class UploadChunkBody {
  @FileField()
  file: ReceivedFile;

  @TextField({ optional: true, description: 'The SHA-256 checksum of the chunk.' })
  sha256?: string;
}

/** What an upload will be. */
export class UploadBody {
  @WholeField({ min: 1, max: Number.MAX_SAFE_INTEGER, description: 'The size of the upload in bytes.' })
  size: number;
}

/** What a finished upload has to be. */
export class UploadCommitBody {
  @TextField({
    pattern: { regex: /^[0-9a-fA-F]{64}$/, message: 'Enter the 64 hex digits of a SHA-256 checksum.' },
    description: 'The expected sha256 checksum for the file.',
  })
  sha256: string;
}
