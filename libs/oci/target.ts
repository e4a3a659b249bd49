import type { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.js';

/** A place that content is read from: a remote registry, a repository version, an OCI layout. */
export interface Source {
  /** The descriptor that a tag or digest leads to; throws a not-found error when there is none. */
  resolve(reference: string): Promise<Descriptor>;
  /** The bytes of a manifest or blob. */
  fetch(node: Descriptor): Promise<Readable>;
  /** Manifests that name the subject, oldest first. */
  referrers(subject: Descriptor): AsyncIterable<Descriptor>;
}

/** A place that content is written to; children arrive before parents. */
export interface Target extends Source {
  exists(node: Descriptor): Promise<boolean>;
  /** Stores the bytes under the node's digest; throws when they do not match it. */
  push(node: Descriptor, bytes: Readable): Promise<void>;
  tag(node: Descriptor, reference: string): Promise<void>;
}
