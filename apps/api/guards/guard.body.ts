import { parseJsonPath } from '#content/guards/json-path.js';
import { messageOf } from '#platform/domain-error.js';
import { bodyField } from '../rest/body/body-field.js';
import { TextField } from '../rest/body/fields.js';
import { locate, type ModelName } from '../rest/models.js';

/** Models of guards. */
export const GUARD_MODELS = [
  'core.contentredirectcontentguard',
  'core.rbaccontentguard',
  'core.headercontentguard',
  'core.compositecontentguard',
] as const satisfies readonly ModelName[];

/** What every guard is made from. */
export class GuardBody {
  @TextField({ description: 'The unique name.' })
  name: string;

  @TextField({ optional: true, nullable: true, description: 'An optional description.' })
  description?: string | null;
}

/** What names of HTTP headers look like (RFC 9110, 5.6.2). */
export const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/;

/** What a guard by header is made from. */
export class HeaderGuardBody extends GuardBody {
  @TextField({
    description: 'The header name the guard will check on.',
    pattern: { regex: HEADER_NAME, message: 'This is not the name of a header.' },
  })
  header_name: string;

  @TextField({ description: 'The value that will authorize the request.' })
  header_value: string;

  @bodyField(
    { type: 'string' },
    {
      optional: true,
      nullable: true,
      description: 'A path in the syntax of jq, as .identity.org_id. If it is set, the header is base64 of JSON.',
    },
    (value) => {
      if (typeof value !== 'string') return { problem: ['Not a valid string.'] };
      if (value.trim() === '') return { value: null };
      try {
        parseJsonPath(value);
      } catch (error) {
        return { problem: [messageOf(error)] };
      }
      return { value };
    },
  )
  jq_filter?: string | null;
}

const GUARDS = { type: 'array', items: { type: 'string', format: 'uri', nullable: true } };

/** What a guard of guards is made from. */
export class CompositeGuardBody extends GuardBody {
  @bodyField(
    GUARDS,
    { optional: true, description: 'List of ContentGuards to ask for access-permission.' },
    (value) => {
      if (!Array.isArray(value)) return { problem: ['Expected a list of items.'] };
      const keys = value.map((each) => (typeof each === 'string' ? locate(each) : undefined));
      const wrong = keys.findIndex(
        (found) => !found || !('id' in found) || !(GUARD_MODELS as readonly ModelName[]).includes(found.model),
      );
      if (wrong >= 0) return { problem: { [wrong]: ['Invalid hyperlink - No URL match.'] } };
      return { value: keys.map((found) => (found as { id: string }).id) };
    },
  )
  guards?: string[];
}
