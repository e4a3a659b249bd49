import { DomainError, isDomainError, messageOf } from '#platform/domain-error.js';
import { isGone } from '../remote-registry/upstream-error.js';

/** What to do about something that is named and not there. */
const GONE =
  " The upstream names it and does not have it: sync again if it was just replaced, else push it there again or name the tag in the remote's excludes.";

/** Does work on what a tag leads to; its errors say which tag they are about. */
export async function aboutTag<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDomainError(error)) throw error;
    const message = `${name}: ${messageOf(error)}${isGone(error) ? GONE : ''}`;
    throw new DomainError(error.kind, error.code, message, { ...error.options, cause: error });
  }
}
