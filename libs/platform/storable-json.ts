/**
 * JSON text that PostgreSQL's jsonb takes, whoever wrote the texts in it (messages of scripts and peers, claims): it refuses
 * NUL and halves of surrogate pairs, which become U+FFFD here, in names of members too.
 */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes('\\u') ? text.replace(ESCAPE, (escape, unfit?: string) => (unfit ? '\ufffd' : escape)) : text;
}

/** Any escape, so that an escaped backslash is not taken for the begin of one; JSON.stringify writes these two only so. */
const ESCAPE = /\\(?:(u0000|ud[89a-f][\da-f]{2})|[^])/g;
