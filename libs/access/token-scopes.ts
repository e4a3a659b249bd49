import { invalid } from '#platform/domain-error.js';

/** What a client asks a token for. */
export interface TokenScope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

const MOST_SCOPES = 100;
const LONGEST_SCOPE = 1024;
const MOST_ACTIONS = 10;

/**
 * Scopes of a token request: `type:name:actions`, several in one parameter separated by spaces. A name may hold colons (a
 * port) and slashes, a type may carry a class in parentheses. What has no three parts asks for nothing and is left out;
 * scopes for one name are joined.
 */
export function parseScopes(parameters: readonly string[]): TokenScope[] {
  const texts = parameters.flatMap((parameter) => parameter.split(' ')).filter((text) => text !== '');
  if (texts.length > MOST_SCOPES)
    throw invalid(`A token can be asked for at most ${MOST_SCOPES} scopes.`, 'scope', 'UNSUPPORTED');
  const joined = new Map<string, TokenScope>();
  for (const text of texts) {
    if (text.length > LONGEST_SCOPE)
      throw invalid(`A scope may have at most ${LONGEST_SCOPE} characters.`, 'scope', 'UNSUPPORTED');
    const scope = parseScope(text);
    if (!scope) continue;
    const key = `${scope.type} ${scope.name}`;
    const actions = [...(joined.get(key)?.actions ?? []), ...scope.actions];
    joined.set(key, { ...scope, actions: [...new Set(actions)].slice(0, MOST_ACTIONS) });
  }
  return [...joined.values()];
}

function parseScope(text: string): TokenScope | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first <= 0 || last === first || last === first + 1) return undefined;
  const type = text.slice(0, first).replace(/\([^)]*\)$/, '');
  const actions = text.slice(last + 1).split(',');
  return { type, name: text.slice(first + 1, last), actions: actions.filter((action) => action !== '') };
}
