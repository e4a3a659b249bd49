type Path = readonly (string | number)[];

/** Every single change of a JSON document that a reader may trip over, as a name and a text: members and values, one at a time. */
export function* jsonMutants(document: unknown): Generator<readonly [name: string, text: string]> {
  for (const path of pathsOf(document)) {
    const value = path.reduce<unknown>((at, step) => (at as Record<string | number, unknown>)[step], document);
    for (const [change, text] of [...valueMutants(document, path, value), ...memberMutants(document, path, value)])
      yield [`${path.join('.')} ${change}`, text];
  }
  const text = JSON.stringify(document);
  yield ['space behind', `${text}  \n`];
  yield ['bytes behind', `${text}{}`];
  yield ['a byte order mark', `\u{feff}${text}`];
  yield ['cut', text.slice(0, -1)];
}

function* pathsOf(value: unknown, path: Path = []): Generator<Path> {
  yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value))
    yield* pathsOf(inner, [...path, Array.isArray(value) ? Number(name) : name]);
}

function* valueMutants(document: unknown, path: Path, value: unknown): Generator<readonly [string, string]> {
  for (const other of ['null', '{}', '[]', '""', '0', 'true', '"x"']) yield [other, withText(document, path, other)];
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    yield ['with an unknown member', withText(document, path, JSON.stringify({ ...value, surprise: 1 }))];
    yield ['with an unknown null', withText(document, path, JSON.stringify({ ...value, surprise: null }))];
  }
  if (typeof value !== 'string') return;
  for (const [change, text] of textMutants(value)) yield [change, withText(document, path, JSON.stringify(text))];
  if (!/^\d+$/.test(value)) return;
  for (const number of [value, `${value}e0`, `${value}.0`, `0x${Number(value).toString(16)}`])
    yield [`as number ${number.slice(value.length)}`, withText(document, path, number)];
}

function* textMutants(text: string): Generator<readonly [string, string]> {
  yield ['spaced', ` ${text}`];
  yield ['with a line break', `${text}\n`];
  yield ['broken', `${text.slice(0, 4)}\n${text.slice(4)}`];
  yield ['with NUL', `${text}\0`];
  yield ['twice as long', text + text];
  yield ['cut', text.slice(0, -1)];
  yield ['reversed', Array.from(text).reverse().join('')];
  yield ['without padding', text.replace(/=+$/, '')];
  yield ['in base64url', text.replaceAll('+', '-').replaceAll('/', '_')];
  yield ['in base64url without padding', text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')];
  if (/^[A-Za-z0-9+/]+=+$/.test(text)) yield ['with bits behind the end', withTrailingBit(text)];
  if (!/^\d+$/.test(text)) return;
  for (const [change, other] of [
    ['plus 1', String(Number(text) + 1)],
    ['negative', `-${text}`],
    ['with a fraction', `${text}.0`],
    ['with an exponent', `${text}e0`],
    ['with a zero in front', `0${text}`],
    ['in hex', `0x${Number(text).toString(16)}`],
    ['too large', '99999999999999999999'],
  ] as const)
    yield [change, other];
}

function withTrailingBit(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const last = text.indexOf('=') - 1;
  return text.slice(0, last) + alphabet[alphabet.indexOf(text[last]!) ^ 1]! + text.slice(last + 1);
}

function* memberMutants(document: unknown, path: Path, value: unknown): Generator<readonly [string, string]> {
  const name = path.at(-1);
  const parent = path.slice(0, -1);
  if (typeof name === 'number') {
    yield ['removed', edited(document, parent, (list: unknown[]) => list.toSpliced(name, 1))];
    yield ['twice', edited(document, parent, (list: unknown[]) => [...list, value])];
  }
  if (typeof name !== 'string') return;
  const renamed = (change: (member: string) => [string, unknown][]) =>
    edited(document, parent, (object: object) =>
      Object.fromEntries(Object.entries(object).flatMap(([key, own]) => (key === name ? change(key) : [[key, own]]))),
    );
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  yield ['removed', renamed(() => [])];
  yield ['in upper case', renamed(() => [[name.toUpperCase(), value]])];
  const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  const marked = edited(document, path, () => MARK).replace(
    `${JSON.stringify(name)}:"${MARK}"`,
    () => `${member},${member}`,
  );
  yield ['there twice', marked];
  if (snake === name) return;
  yield ['in snake case', renamed(() => [[snake, value]])];
  yield ['in both cases', renamed(() => [[name, value], [snake, value]])]; // prettier-ignore
}

const MARK = '@here@';

function withText(document: unknown, path: Path, text: string): string {
  return path.length === 0 ? text : edited(document, path, () => MARK).replace(`"${MARK}"`, () => text);
}

/** The document as text, with the value at the path replaced. */
function edited<T>(document: unknown, [step, ...rest]: Path, change: (value: T) => unknown): string {
  return JSON.stringify(
    replaced(document, step === undefined ? [] : [step, ...rest], change as (value: unknown) => unknown),
  );
}

function replaced(value: unknown, [step, ...rest]: Path, change: (value: unknown) => unknown): unknown {
  if (step === undefined) return change(value);
  if (Array.isArray(value)) return value.map((each, at) => (at === step ? replaced(each, rest, change) : each));
  const entries = Object.entries(value as object);
  return Object.fromEntries(entries.map(([name, each]) => [name, name === step ? replaced(each, rest, change) : each]));
}
