import { DomainError, isDomainError, messageOf } from '#platform/domain-error.js';
import { isGone } from '../remote-registry/upstream-error.js';

/** Does work on what a tag leads to; its errors say which tag they are about. */
export async function aboutTag<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDomainError(error) || isGone(error)) throw error;
    throw new DomainError(error.kind, error.code, `${name}: ${messageOf(error)}`, { ...error.options, cause: error });
  }
}
