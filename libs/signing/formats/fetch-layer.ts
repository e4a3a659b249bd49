import type { Descriptor } from '#oci/descriptor.js';
import { algorithmOf, digestOf } from '#oci/digest.js';
import { isDomainError } from '#platform/domain-error.js';
import type { Carrier } from './signature-format.js';

/** Kinds that speak of the layer itself; anything else is an outage, and the caller must know. */
const GONE: ReadonlySet<string> = new Set(['not-found', 'too-large', 'invalid']);

/** The bytes of an artifact's layer or config; undefined when they are missing, longer than the limit, or other bytes. */
export async function fetchLayer(carrier: Carrier, layer: Descriptor, limit: number): Promise<Uint8Array | undefined> {
  if (layer.size > limit) return undefined;
  try {
    const bytes = await carrier.fetch(layer, limit);
    return digestOf(bytes, algorithmOf(layer.digest)) === layer.digest ? bytes : undefined;
  } catch (error) {
    if (isDomainError(error) && GONE.has(error.kind)) return undefined;
    throw error;
  }
}
