import type { Descriptor } from '#oci/descriptor.js';
import { isDigest } from '#oci/digest.js';
import { isDomainError } from '#platform/domain-error.js';
import { isObject, type JsonObject, readObject } from './strict-object.js';

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** The manifest of an artifact as a strictly read object; undefined when it is none, or over 4 MiB. */
export function readCarrierManifest(bytes: Uint8Array): JsonObject | undefined {
  if (bytes.length > MAX_MANIFEST_BYTES) return undefined;
  try {
    return readObject(bytes, 'the manifest', 'MALFORMED_ENVELOPE');
  } catch (error) {
    if (isDomainError(error)) return undefined;
    throw error;
  }
}

/** True for a descriptor with a type, a digest that can be named here, a size, and annotations that are texts. */
export function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value) || typeof value['mediaType'] !== 'string' || typeof value['digest'] !== 'string') return false;
  const { annotations = {}, size } = value;
  if (!isDigest(value['digest']) || !Number.isSafeInteger(size) || (size as number) < 0) return false;
  return isObject(annotations) && Object.values(annotations).every((text) => typeof text === 'string');
}
