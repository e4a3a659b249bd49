import { bodyField, type Reading } from './body-field.js';
import { pythonType, unstorable } from './fields.js';

const KEY = /^[\p{L}\p{N}_ .-]+$/u;

/** What is wrong with a label; undefined when nothing is. */
export function labelProblem(key: string, value: string | null): string | undefined {
  if (!KEY.test(key))
    return `Key '${key.slice(0, 100)}' contains invalid characters. Only alphanumerics, underscores, spaces, hyphens, and dots are allowed.`;
  return value !== null && /[()]/.test(value) ? `Key '${key}' contains value with parenthesis.` : undefined;
}

function read(given: unknown): Reading {
  if (pythonType(given) !== 'dict')
    return { problem: [`Expected a dictionary of items but got type "${pythonType(given)}".`] };
  const labels = Object.create(null) as Record<string, string | null>;
  for (const [key, value] of Object.entries(given as object)) {
    if (value !== null && typeof value !== 'string' && typeof value !== 'number')
      return { problem: { [key]: ['Not a valid string.'] } };
    const text = value === null ? null : String(value);
    const problem = unstorable(text) ?? labelProblem(key, text);
    if (problem !== undefined) return { problem: [problem] };
    labels[key] = text;
  }
  return { value: labels };
}

/** Labels of a resource. */
export function LabelsField(): PropertyDecorator {
  const schema = { type: 'object', additionalProperties: { type: 'string', nullable: true } };
  return bodyField(schema, { optional: true }, read);
}
