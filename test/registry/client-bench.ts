import type { ClientHome } from './client-tools.js';
import type { Daemon } from './container-daemons.js';

/** What clients do with a registry, in the order in which it is tried. */
export const OPERATIONS = [
  'push',
  'pull',
  'list tags',
  'mount',
  'retag',
  'rewrite',
  'multi-arch',
  'zstd',
  'encrypt',
  'sign',
  'verify',
  'attach',
  'copy',
  'delete',
] as const;
/** One of {@link OPERATIONS}. */
export type Operation = (typeof OPERATIONS)[number];

/** What a case has to work with. */
export interface Bench {
  readonly home: ClientHome;
  readonly host: string;
  /** An OCI layout with the tag v1. */
  readonly layout: string;
  readonly digest: string;
  /** An OCI layout with an index of two platforms under the tag v1, and its digest. */
  readonly multi: { readonly layout: string; readonly digest: string };
  /** Files of a pair of RSA keys. */
  readonly rsa: { readonly publicKey: string; readonly privateKey: string };
  /** Key in gpg's ring, its exported file, and a policy that asks for it. */
  readonly gpg: { readonly name: string; readonly policy: string };
}

/** How one client does what it can. Names of repositories begin with the client's own. */
export type Cases = Partial<Record<Operation, () => Promise<void>>>;

/** A client of the table. */
export interface Client {
  /** What has to be installed. */
  readonly programs: readonly string[];
  /** Starts what the client only talks to; undefined when this machine does not let it run. */
  readonly daemon?: (home: ClientHome) => Promise<Daemon | undefined>;
  readonly cases: Cases;
}
