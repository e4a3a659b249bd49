import type { RawAnswer } from './raw-http.js';

/** Error codes that clients know. */
export const KNOWN_CODES = new Set([
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
  'TAG_INVALID',
  'PAGINATION_NUMBER_INVALID',
  'RANGE_INVALID',
  'ARTIFACT_TYPE_UNSPECIFIED',
  'SIGNATURE_INVALID',
]);

/** What every refusal has in common, and whether its status is one of those. */
export function refusal(answer: RawAnswer, statuses: readonly number[]) {
  const { errors } = JSON.parse(answer.body) as { errors: { code: string }[] };
  return {
    status: statuses.includes(answer.status) ? 'as expected' : answer.status,
    type: answer.headers.get('Content-Type') ?? answer.headers.get('content-type'),
    api: answer.headers.get('Docker-Distribution-API-Version'),
    coded: KNOWN_CODES.has(errors[0]!.code) ? 'yes' : errors[0]!.code,
  };
}

/** A {@link refusal} as it has to be. */
export const REFUSED = { status: 'as expected', type: 'application/json', api: 'registry/2.0', coded: 'yes' };
