import type { Schema } from '../fields.js';

/** What reading a value gives: the value as code wants it, or messages that say what is wrong. */
export type Reading = { readonly value: unknown } | { readonly problem: readonly string[] | Record<string, string[]> };

/** One member of a request body. */
export interface BodyField {
  readonly name: string;
  readonly schema: Schema;
  readonly required: boolean;
  readonly nullable: boolean;
  /** Set when the member is absent and the body is not partial. */
  readonly fallback?: unknown;
  /** Shown in no response. */
  readonly writeOnly: boolean;
  /** Turns JSON, or the text of a form, into the value. Never called for null. */
  read(value: unknown): Reading;
  readonly reference?: Reference;
}

/** The value names another resource, which must exist and be one that the sender sees, unless `unseen`. */
export interface Reference {
  readonly unseen: boolean;
}

/** Options that all members know. Required unless something else is said. */
export interface BodyFieldOptions {
  readonly optional?: boolean;
  readonly nullable?: boolean;
  readonly fallback?: unknown;
  readonly writeOnly?: boolean;
  readonly description?: string;
}

const registry = new Map<Function, Map<string, BodyField>>();

/** Notes a member of a body class. */
function registerField(target: object, field: BodyField): void {
  const own = registry.get(target.constructor) ?? new Map<string, BodyField>();
  own.set(field.name, field);
  registry.set(target.constructor, own);
}

/** Members of a body class and its bases, bases first. */
export function bodyFields(body: Function): Map<string, BodyField> {
  const base: unknown = Object.getPrototypeOf(body);
  const inherited = typeof base === 'function' && base !== Function.prototype ? bodyFields(base) : [];
  return new Map([...inherited, ...(registry.get(body) ?? [])]);
}

/** A property decorator for a member that is read in this way. */
export function bodyField(
  schema: Schema,
  options: BodyFieldOptions,
  read: BodyField['read'],
  reference?: Reference,
): PropertyDecorator {
  const { optional, nullable = false, fallback, writeOnly = false, description } = options;
  return (target, name) =>
    registerField(target, {
      name: String(name),
      schema: {
        ...schema,
        ...(nullable ? { nullable } : {}),
        ...(fallback === undefined ? {} : { default: fallback }),
        ...(writeOnly ? { writeOnly } : {}),
        ...(description ? { description } : {}),
      },
      required: !optional && fallback === undefined,
      nullable,
      ...(fallback === undefined ? {} : { fallback }),
      writeOnly,
      read,
      ...(reference ? { reference } : {}),
    });
}

const shown = new Map<Function, Set<string>>();

/** Notes what a resource shows whose bodies are of this class. */
export function noteShown(body: Function, members: Iterable<string>): void {
  shown.set(body, new Set([...(shown.get(body) ?? []), ...members]));
}

/** True for a member that is only shown: whoever sends back what he read, with changes, sends it along, and it is passed over. */
export const isOnlyShown = (body: Function, member: string): boolean => shown.get(body)?.has(member) ?? false;
