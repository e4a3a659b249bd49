import { isDigest } from './digest.js';

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Longest repository name in characters (OCI distribution-spec leaves it open; clients cap host and name at 255). */
const MAX_NAME_LENGTH = 255;

/** True for a repository name of the OCI grammar, at most 255 characters. */
export function isRepositoryName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) return false;
  return name.split('/').every((component) => COMPONENT.test(component));
}

/** True for a tag of the OCI grammar, at most 128 characters. */
export function isTagName(tag: string): boolean {
  return TAG.test(tag);
}

/** The parts of `host/name:tag@digest`; `tag` and `digest` are absent when not written. */
export interface ImageReference {
  readonly host: string;
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Reads `host[:port]/name[:tag][@digest]`; undefined when it is not of that form. */
export function parseImageReference(text: string): ImageReference | undefined {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) return undefined;
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  const slash = beforeDigest.indexOf('/');
  if (slash <= 0) return undefined;
  const host = beforeDigest.slice(0, slash);
  const path = beforeDigest.slice(slash + 1);
  const colon = path.lastIndexOf(':');
  const name = colon < 0 ? path : path.slice(0, colon);
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  if (!/^[A-Za-z0-9.\-[\]:]+$/.test(host) || !isRepositoryName(name)) return undefined;
  if (tag !== undefined && !isTagName(tag)) return undefined;
  return { host, name, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

const COMPANION = /^sha256-([a-f0-9]{64})\.(sig|att|sbom)$/;
const FALLBACK = /^(sha256|sha512)-([a-f0-9]{64})$/;

/** The subject and kind that a cosign companion tag `sha256-<hex>.{sig,att,sbom}` names, or undefined. */
export function parseCompanionTag(tag: string): { subject: string; kind: 'sig' | 'att' | 'sbom' } | undefined {
  const match = COMPANION.exec(tag);
  return match ? { subject: `sha256:${match[1]}`, kind: match[2] as 'sig' | 'att' | 'sbom' } : undefined;
}

/** The cosign companion tag of a subject. */
export function companionTagOf(subject: string, kind: 'sig' | 'att' | 'sbom'): string {
  return `${subject.replace(':', '-')}.${kind}`;
}

/** True for a tag of the referrers fallback schema (`sha256-<hex>`; sha512 is cut at 64 characters of hex). */
export function isFallbackTag(tag: string): boolean {
  return FALLBACK.test(tag);
}

/** The referrers fallback tag of a subject (distribution-spec, "Referrers Tag Schema"). */
export function fallbackTagOf(subject: string): string {
  const [algorithm = '', encoded = ''] = subject.split(':', 2);
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`;
}

/** True for tags that carry signatures and the like, not images: companions and fallback indexes. */
export function isAttachmentTag(tag: string): boolean {
  return COMPANION.test(tag) || FALLBACK.test(tag);
}
