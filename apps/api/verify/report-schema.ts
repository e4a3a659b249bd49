import type { Schema } from '../rest/fields.js';

const text = { type: 'string' };
const nullable = (schema: Schema): Schema => ({ ...schema, nullable: true });
const anything = { type: 'object', additionalProperties: {} };
const outcome = { type: 'string', enum: ['verified', 'failed', 'untrusted', 'indeterminate', 'skipped'] };

const check = {
  type: 'object',
  required: ['name', 'action', 'result'],
  properties: {
    name: text,
    action: { type: 'string', enum: ['enforce', 'log', 'skip'] },
    result: { type: 'string', enum: ['pass', 'fail', 'not_applicable'] },
    code: text,
    detail: text,
  },
};

const signature = {
  type: 'object',
  required: ['format', 'family', 'scheme', 'verified', 'outcome', 'checks', 'signatureRef'],
  properties: {
    format: { type: 'string', enum: ['simple', 'cosign', 'notation', 'nv2'] },
    family: { type: 'string', enum: ['atomic', 'cosign', 'notation', 'nv2'] },
    scheme: text,
    verified: { type: 'boolean' },
    outcome,
    signatureRef: { type: 'object', properties: { id: nullable(text), digest: text } },
    checks: { type: 'array', items: check },
    signer: nullable(anything),
    claimed: anything,
    trustedTime: nullable({ type: 'object', properties: { value: text, source: text } }),
    policy: nullable({ type: 'object', properties: { id: text, statement: text } }),
    evaluatedAt: text,
    engineVersion: text,
  },
};

/** The verdict on a manifest and on each of its signatures. */
export const REPORT_SCHEMA: Schema = {
  type: 'object',
  required: ['verified', 'outcome', 'signers', 'subject', 'signatures', 'evaluatedAt', 'engineVersion'],
  properties: {
    verified: { type: 'boolean' },
    outcome,
    signers: { type: 'array', items: text },
    code: nullable({ type: 'string', enum: ['NO_SIGNATURE', 'RESOURCE_LIMIT'] }),
    reference: nullable(text),
    subject: {
      type: 'object',
      properties: { digest: text, mediaType: text, size: { type: 'integer', format: 'int64' } },
    },
    signatures: { type: 'array', items: signature },
    evaluatedAt: text,
    engineVersion: text,
  },
};
