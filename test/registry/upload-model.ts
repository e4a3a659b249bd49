import fc from 'fast-check';
import { type Answer, type RegistryProcess, sha } from './registry-process.js';
import { idOf } from './upload-requests.js';

/** Longest chunk that the model makes; those above 64 KiB are kept in the store. */
const LARGE = 70_000;

/** What somebody does with a session, to one of two processes. */
export interface Step {
  readonly kind: 'status' | 'chunk' | 'stream' | 'cancel' | 'close';
  readonly session: number;
  readonly process: number;
  /** Bytes that the chunk begins after the end of the session. */
  readonly shift: number;
  readonly length: number;
  readonly right: boolean;
  /** UUIDs are the same in either case. */
  readonly upper: boolean;
}

/** Steps in any order. */
export const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('chunk', 'chunk', 'stream', 'status', 'close', 'cancel'),
  session: fc.nat(1),
  process: fc.nat(1),
  shift: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -9, max: 9 }) }),
  length: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(0, LARGE) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 300 }) },
  ),
  right: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  upper: fc.boolean(),
});

/** What a session is: its bytes while it is open, then the digest that closed it, or '' when it ended without a blob. */
export interface Model {
  readonly bytes: Buffer;
  readonly end?: string;
}

/** A request that was made from a step, and can be sent and foretold. */
export interface Asked {
  readonly step: Step;
  readonly method: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly from: number | undefined;
  readonly digest: string | undefined;
}

/** The request of a step to a session that stands so. */
export function ask(step: Step, { bytes }: Model, fill: number): Asked {
  const { kind, length, shift, right } = step;
  const body = length > 0 ? Buffer.alloc(length, fill) : undefined;
  const plain = { step, headers: {}, body: undefined, from: undefined, digest: undefined, query: '' };
  const from = Math.max(0, bytes.length + shift);
  const range = { 'content-range': `${from}-${from + length - 1}` };
  if (kind === 'status') return { ...plain, method: 'GET' };
  if (kind === 'cancel') return { ...plain, method: 'DELETE' };
  if (kind === 'stream' || !body) {
    if (kind !== 'close') return { ...plain, method: 'PATCH', body: body ?? Buffer.alloc(0) };
  } else if (kind === 'chunk') return { ...plain, method: 'PATCH', headers: range, body, from };
  const whole = Buffer.concat([bytes, body ?? Buffer.alloc(0), Buffer.from(right ? '' : 'wrong')]);
  const digest = sha(whole);
  const close = { ...plain, method: 'PUT', query: `&digest=${digest}`, digest, body };
  return shift === 0 ? close : { ...close, ...(body ? { headers: range, from } : {}) };
}

/** What a session answers, and how it stands then. */
export function foretell({ method, body, from, digest }: Asked, model: Model): { status: number; after: Model } {
  if (model.end !== undefined)
    return { status: digest !== undefined && model.end === digest ? 201 : 404, after: model };
  if (method === 'GET') return { status: 204, after: model };
  if (method === 'DELETE') return { status: 204, after: { ...model, end: '' } };
  if (from !== undefined && from !== model.bytes.length) return { status: 416, after: model };
  const bytes = body ? Buffer.concat([model.bytes, body]) : model.bytes;
  if (method === 'PATCH') return { status: 202, after: { bytes } };
  return digest === sha(bytes)
    ? { status: 201, after: { bytes, end: digest } }
    : { status: 400, after: { bytes, end: '' } };
}

/** Sends it. */
export function send(
  to: RegistryProcess,
  location: string,
  { step, method, query, headers, body }: Asked,
): Promise<Answer> {
  const id = idOf(location);
  const path = step.upper ? location.replace(id, id.toUpperCase()) : location;
  return to.request(method, path + query, { headers, body });
}
