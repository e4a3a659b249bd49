/** Writes JSON values as YAML: block style for what has members, JSON for the rest, which YAML 1.2 reads. */
export function toYaml(value: unknown, indent = ''): string {
  if (Array.isArray(value) && value.length > 0)
    return value.map((each) => `${indent}- ${nested(each, `${indent}  `)}`).join('');
  if (isObject(value) && Object.keys(value).length > 0)
    return Object.entries(value)
      .map(
        ([key, each]) => `${indent}${JSON.stringify(key)}:${isBlock(each) ? '\n' : ' '}${block(each, `${indent}  `)}`,
      )
      .join('');
  return `${JSON.stringify(value)}\n`;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isBlock = (value: unknown): boolean =>
  (Array.isArray(value) && value.length > 0) || (isObject(value) && Object.keys(value).length > 0);

const block = (value: unknown, indent: string): string => toYaml(value, indent);

/** The first line of a nested block follows the dash. */
const nested = (value: unknown, indent: string): string =>
  toYaml(value, indent).slice(isBlock(value) ? indent.length : 0);
