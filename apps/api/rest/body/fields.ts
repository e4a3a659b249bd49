import { IsIn, Matches, Max, MaxLength, Min } from 'class-validator';
import { isStorable } from '#oci/strict-json.js';
import { timestamp } from '../filters/filter.js';
import { locate, type ModelName } from '../models.js';
import { bodyField, type BodyFieldOptions, type Reading } from './body-field.js';

interface TextOptions extends BodyFieldOptions {
  readonly max?: number;
  readonly blank?: boolean;
  /** Whitespace at the ends belongs to the value. */
  readonly verbatim?: boolean;
  readonly pattern?: { readonly regex: RegExp; readonly message: string };
  readonly choices?: readonly string[];
  readonly format?: string;
}

const wrong = (...problem: string[]): Reading => ({ problem });

/** What keeps the database from taking a text, or JSON with such a text anywhere in it; undefined when nothing does. */
export function unstorable(value: unknown): string | undefined {
  if (typeof value === 'object' && value !== null) {
    for (const each of Object.entries(value).flat()) {
      const problem = unstorable(each);
      if (problem) return problem;
    }
    return undefined;
  }
  if (typeof value !== 'string' || isStorable(value)) return undefined;
  return value.includes('\0') ? 'Null characters are not allowed.' : 'Surrogate characters are not allowed.';
}

function readText(value: unknown, { blank = false, verbatim = false }: TextOptions): Reading {
  if (typeof value !== 'string' && typeof value !== 'number') return wrong('Not a valid string.');
  const text = verbatim ? String(value) : String(value).trim();
  const problem = unstorable(text);
  if (problem) return wrong(problem);
  if (text === '' && !blank) return wrong('This field may not be blank.');
  return { value: text };
}

const together =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, name) => {
    for (const decorate of decorators) decorate(target, name);
  };

/** A text. */
export function TextField(options: TextOptions = {}): PropertyDecorator {
  const { max, pattern, choices, blank, format } = options;
  const schema = {
    type: 'string',
    ...(blank || choices ? {} : { minLength: 1 }),
    ...(max === undefined ? {} : { maxLength: max }),
    ...(choices ? { enum: choices } : {}),
    ...(format ? { format } : {}),
  };
  const read = (value: unknown): Reading => {
    const reading = choices && typeof value !== 'string' ? wrong(notAChoice(value)) : readText(value, options);
    if (choices && 'value' in reading && !choices.includes(reading.value as string)) return wrong(notAChoice(value));
    return reading;
  };
  return together(
    bodyField(schema, options, read),
    ...(max === undefined
      ? []
      : [MaxLength(max, { message: `Ensure this field has no more than ${max} characters.` })]),
    ...(pattern ? [Matches(pattern.regex, { message: pattern.message })] : []),
    ...(choices ? [IsIn([...choices])] : []),
  );
}

const notAChoice = (value: unknown) => {
  const said = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return `"${said.slice(0, 200)}" is not a valid choice.`;
};

/** True or false. */
export function FlagField(options: BodyFieldOptions = {}): PropertyDecorator {
  return bodyField({ type: 'boolean' }, options, (value) => {
    const word = typeof value === 'string' ? value.toLowerCase() : value;
    if ([true, 1, 'true', 't', 'yes', 'y', 'on', '1'].includes(word as string)) return { value: true };
    if ([false, 0, 'false', 'f', 'no', 'n', 'off', '0'].includes(word as string)) return { value: false };
    return wrong('Must be a valid boolean.');
  });
}

interface NumberOptions extends BodyFieldOptions {
  readonly min?: number;
  readonly max?: number;
}

const bounds = ({ min, max }: NumberOptions): PropertyDecorator[] => [
  ...(min === undefined ? [] : [Min(min, { message: `Ensure this value is greater than or equal to ${min}.` })]),
  ...(max === undefined ? [] : [Max(max, { message: `Ensure this value is less than or equal to ${max}.` })]),
];

const boundSchema = ({ min, max }: NumberOptions) => ({
  ...(min === undefined ? {} : { minimum: min }),
  ...(max === undefined ? {} : { maximum: max }),
});

/** A whole number; 32 bits when no bounds are given. */
export function WholeField(given: NumberOptions = {}): PropertyDecorator {
  const options = { min: -2_147_483_648, max: 2_147_483_647, ...given };
  const read = (value: unknown): Reading => {
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string' || !/^\s*[+-]?\d{1,300}(?:\.0*)?\s*$/.test(text))
      return wrong('A valid integer is required.');
    return { value: Number(text) };
  };
  return together(bodyField({ type: 'integer', ...boundSchema(given) }, options, read), ...bounds(options));
}

/** A number with a fraction. */
export function DecimalField(options: NumberOptions = {}): PropertyDecorator {
  const read = (value: unknown): Reading => {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number)
      ? { value: number }
      : wrong('A valid number is required.');
  };
  return together(
    bodyField({ type: 'number', format: 'double', ...boundSchema(options) }, options, read),
    ...bounds(options),
  );
}

/** A point in time, as text that PostgreSQL reads. */
export function TimeField(options: BodyFieldOptions = {}): PropertyDecorator {
  return bodyField({ type: 'string', format: 'date-time' }, options, (value) => {
    try {
      return { value: timestamp('', String(value)) };
    } catch {
      return wrong(
        'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].',
      );
    }
  });
}

interface ListOptions extends BodyFieldOptions {
  readonly itemMax?: number;
  readonly choices?: readonly string[];
  /** Most items. */
  readonly most?: number;
  readonly notEmpty?: string;
}

/** A list of texts. */
export function TextListField(options: ListOptions = {}): PropertyDecorator {
  const { itemMax, choices, most = 10_000, notEmpty } = options;
  const items = {
    type: 'string',
    ...(itemMax === undefined ? {} : { maxLength: itemMax }),
    ...(choices ? { enum: choices } : { minLength: 1 }),
  };
  const itemProblem = (item: unknown): string | undefined => {
    const reading = readText(item, {});
    if ('problem' in reading) return (reading.problem as string[])[0];
    if (itemMax !== undefined && String(reading.value).length > itemMax)
      return `Ensure this field has no more than ${itemMax} characters.`;
    return undefined;
  };
  return bodyField({ type: 'array', items }, options, (given) => {
    const value = typeof given === 'string' ? listOf(given) : given;
    if (!Array.isArray(value)) return wrong(`Expected a list of items but got type "${pythonType(value)}".`);
    if (value.length === 0 && notEmpty) return wrong(notEmpty);
    if (value.length > most) return wrong(`Ensure this field has no more than ${most} elements.`);
    const problems = value.flatMap((item, index) => {
      const problem = itemProblem(item);
      return problem === undefined ? [] : [[String(index), [problem]] as [string, string[]]];
    });
    if (problems.length > 0) return { problem: Object.fromEntries(problems) };
    const texts = value.map((each) => String(each).trim());
    const stranger = choices && texts.find((each) => !choices.includes(each));
    return stranger === undefined ? { value: texts } : wrong(notAChoice(stranger));
  });
}

function listOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Names of types in the words of the texts that clients know. */
export function pythonType(value: unknown): string {
  if (value === null) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  return 'dict';
}

/** A list of JSON objects. */
export function ObjectListField(options: BodyFieldOptions = {}): PropertyDecorator {
  return bodyField({ type: 'array', items: { type: 'object', additionalProperties: {} } }, options, (given) => {
    const value = typeof given === 'string' ? listOf(given) : given;
    if (!Array.isArray(value)) return wrong(`Expected a list of items but got type "${pythonType(value)}".`);
    const index = value.findIndex((each) => pythonType(each) !== 'dict');
    if (index >= 0)
      return { problem: { [index]: [`Expected a dictionary of items but got type "${pythonType(value[index])}".`] } };
    const problem = unstorable(value);
    return problem ? wrong(problem) : { value };
  });
}

/** JSON of any shape; with `object` only objects. */
export function JsonField(options: BodyFieldOptions & { readonly object?: boolean } = {}): PropertyDecorator {
  const schema = options.object ? { type: 'object', additionalProperties: {} } : {};
  return bodyField(schema, options, (value) => {
    if (options.object && pythonType(value) !== 'dict')
      return wrong(`Expected a dictionary of items but got type "${pythonType(value)}".`);
    const problem = unstorable(value);
    return problem ? wrong(problem) : { value };
  });
}

/**
 * The href or PRN of another resource; the empty text means none where null may stand. What the sender does not see does not
 * exist, unless naming it tells and gives him nothing: `unseen`.
 */
export function ReferenceField(
  models: readonly ModelName[],
  { unseen = false, ...options }: BodyFieldOptions & { readonly unseen?: boolean } = {},
): PropertyDecorator {
  const read = (value: unknown): Reading => {
    if (value === '' && options.nullable) return { value: null };
    if (typeof value !== 'string') return wrong(`Incorrect type. Expected URL string, received ${pythonType(value)}.`);
    const found = locate(value);
    if (!found) return wrong('Invalid hyperlink - No URL match.');
    return models.includes(found.model) ? { value: found } : wrong('Invalid hyperlink - Incorrect URL match.');
  };
  return bodyField({ type: 'string', format: 'uri' }, options, read, { unseen });
}
