import { badField } from '../errors.js';
import { allOf, likeLiteral, type SqlValues } from '../sql.js';
import { single, type Filter } from './filter.js';

const KEY = /^[\w .-]+$/;

/** One condition on labels. */
interface Term {
  readonly negated: boolean;
  readonly key: string;
  readonly operator?: '=' | '!=' | '~';
  readonly value?: string;
}

/** Splits at commas that no backslash escapes. */
function termsOf(text: string): string[] {
  return text.split(/(?<!\\),/).map((each) => each.replaceAll('\\,', ',').trim());
}

function readTerm(text: string): Term {
  const [, bang = '', key = '', operator, value] = /^(!?)([^=!~]*)(?:(!=|=|~)([\s\S]*))?$/.exec(text) ?? [];
  if (!KEY.test(key)) throw badField('pulp_label_select', `Invalid search term: '${text.slice(0, 200)}'.`);
  if (operator === undefined) return { negated: bang === '!', key };
  if (bang) throw badField('pulp_label_select', `Cannot use an operator with '${text.slice(0, 200)}'.`);
  return { negated: false, key, operator: operator as '=' | '!=' | '~', value: value ?? '' };
}

function termSql(column: string, { negated, key, operator, value = '' }: Term, values: SqlValues): string {
  const name = `${values.bind(key)}::text`;
  if (operator === undefined) return negated ? `not (${column} ? ${name})` : `${column} ? ${name}`;
  if (operator === '=') return `${column} @> jsonb_build_object(${name}, ${values.bind(value)}::text)`;
  if (operator === '!=')
    return `${column} ? ${name} and not ${column} @> jsonb_build_object(${name}, ${values.bind(value)}::text)`;
  return `${column} ->> ${name} ilike ${values.bind(`%${likeLiteral(value)}%`)}`;
}

/** Filters by labels: terms with commas between, all of which must hold. */
export const labelSelect = (column = 't.pulp_labels'): Filter => ({
  name: 'pulp_label_select',
  schema: { type: 'string' },
  description: 'Filter labels by search string',
  compile: (raw, { values }) => allOf(termsOf(single(raw)).map((term) => termSql(column, readTerm(term), values))),
});
