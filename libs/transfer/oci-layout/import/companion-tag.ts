import { parseCompanionTag } from '#oci/reference.js';

/** True for the tags under which cosign keeps signatures, attestations and SBOMs. */
export const isCompanionTag = (tag: string) => parseCompanionTag(tag) !== undefined;
