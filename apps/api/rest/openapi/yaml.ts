/** Writes JSON values as YAML: block style for what has members, JSON for the rest, which YAML 1.2 reads. */
export function toYaml(value: unknown, indent = ''): string {
  if (!isBlock(value)) return `${JSON.stringify(value)}\n`;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return value.map((each) => `${indent}- ${afterDash(each, inner)}`).join('');
  return Object.entries(value)
    .map(([key, each]) => `${indent}${JSON.stringify(key)}:${isBlock(each) ? '\n' : ' '}${toYaml(each, inner)}`)
    .join('');
}

const isBlock = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0;

/** The first line of a nested block follows the dash. */
const afterDash = (value: unknown, indent: string): string =>
  toYaml(value, indent).slice(isBlock(value) ? indent.length : 0);
