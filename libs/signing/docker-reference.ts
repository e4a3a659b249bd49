import { isDigest } from '#oci/digest.js';
import { isRepositoryName, isTagName } from '#oci/reference.js';

/** A reference as docker normalises it: `busybox` is `docker.io/library/busybox`. `name` is host and path. */
export interface DockerReference {
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

const HOST_PART = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const HOST = new RegExp(`^(?:${HOST_PART}(?:\\.${HOST_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);

/** True for a registry host with an optional port. */
export function isRegistryHost(text: string): boolean {
  return HOST.test(text);
}

/** Reads a reference by docker's rules; adds host and `library/` where they are not written, never a tag. Undefined when malformed. */
export function parseDockerReference(text: string): DockerReference | undefined {
  if (text.length > 1024 || /^[a-f0-9]{64}$/.test(text)) return undefined;
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) return undefined;
  const { host, rest } = splitHost(at < 0 ? text : text.slice(0, at));
  const colon = rest.indexOf(':');
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (tag !== undefined && !isTagName(tag)) return undefined;
  const path = colon < 0 ? rest : rest.slice(0, colon);
  // What looks like a host and is none, as with an underscore, is the first part of the name.
  if (!isRepositoryName(isRegistryHost(host) ? path : `${host}/${path}`)) return undefined;
  return {
    name: `${host}/${path}`,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Like {@link parseDockerReference}, but only when the text is already in its normal form. */
export function parseCanonicalReference(text: string): DockerReference | undefined {
  const parsed = parseDockerReference(text);
  return parsed && formatDockerReference(parsed) === text ? parsed : undefined;
}

/** The text of a reference, with everything written out. */
export function formatDockerReference(reference: DockerReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return `${reference.name}${tag}${reference.digest === undefined ? '' : `@${reference.digest}`}`;
}

/** Reads what a client is asked for: without tag and digest it pulls `latest`. Undefined when malformed. */
export function parsePulledReference(text: string): DockerReference | undefined {
  const parsed = parseDockerReference(text);
  return parsed && isNameOnly(parsed) ? { ...parsed, tag: 'latest' } : parsed;
}

/** True when neither tag nor digest is written. */
export function isNameOnly(reference: DockerReference): boolean {
  return reference.tag === undefined && reference.digest === undefined;
}

function splitHost(text: string): { host: string; rest: string } {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost';
  const host = !isHost ? 'docker.io' : first === 'index.docker.io' ? 'docker.io' : first;
  const rest = isHost ? text.slice(slash + 1) : text;
  return { host, rest: host === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest };
}
