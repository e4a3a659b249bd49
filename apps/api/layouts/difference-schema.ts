import type { Schema } from '../rest/fields.js';

const text = { type: 'string' };
const maybe = { type: 'string', nullable: true };
const listOf = (items: Schema): Schema => ({ type: 'array', items });
const tag = { type: 'object', properties: { name: text, from: maybe, to: maybe } };
const signature = { type: 'object', properties: { digest: text, format: text, manifest: text } };
const count = { type: 'integer' };

/** What was added and removed between two versions, by tag. */
export const DIFFERENCE_SCHEMA: Schema = {
  type: 'object',
  required: ['base', 'version', 'tags', 'manifests', 'signatures', 'blobs'],
  properties: {
    base: text,
    version: text,
    tags: { type: 'object', properties: { added: listOf(tag), changed: listOf(tag), removed: listOf(tag) } },
    manifests: { type: 'object', properties: { added: listOf(text), removed: listOf(text) } },
    signatures: { type: 'object', properties: { added: listOf(signature), removed: listOf(signature) } },
    blobs: { type: 'object', properties: { added: count, removed: count } },
  },
};
