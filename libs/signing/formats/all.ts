import { cosignFormat } from './cosign/cosign-format.js';
import { notationFormat } from './notation/notation-format.js';
import { nv2Format } from './nv2/nv2-format.js';
import type { FormatName, SignatureFormat } from './signature-format.js';
import { simpleFormat } from './simple/simple-format.js';

/** Every family, in the order in which they are asked whether an artifact is theirs. */
export const formats: readonly SignatureFormat[] = [simpleFormat, cosignFormat, notationFormat, nv2Format];

/** Families that a trust policy counts: not the prototype's, whose signatures any certificate of an authority can make. */
export const POLICY_FORMATS: readonly FormatName[] = ['simple', 'cosign', 'notation'];

const BY_NAME = new Map<string, SignatureFormat>(formats.map((format) => [format.name, format]));

/** The family of that name. */
export function formatOf(name: FormatName): SignatureFormat {
  return BY_NAME.get(name)!;
}

/** True for the name of a family. */
export function isFormatName(name: string): name is FormatName {
  return BY_NAME.has(name);
}
