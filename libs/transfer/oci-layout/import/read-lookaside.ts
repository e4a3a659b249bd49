import type { SignatureDraft } from '#content/push/drafts.js';
import { isDomainError } from '#platform/domain-error.js';
import { simpleFormat } from '#signing/formats/simple/simple-format.js';
import { toSignatureDraft } from '#signing/store/signature-draft.js';
import { LOOKASIDE } from '../layout-names.js';
import { refused, shown } from '../tar/refusal.js';
import type { LayoutFiles } from './layout-files.js';

const SIGNATURE = new RegExp(`^${LOOKASIDE}/.+@(sha256|sha512)=([a-f0-9]+)/signature-[1-9]\\d{0,5}$`);
const LARGEST = 4 * 1024 * 1024;
const LARGEST_TOTAL = 128 * 1024 * 1024;

/**
 * The simple signatures of a lookaside tree in a layout. Each must be one and sign the manifest that its folder names;
 * those of manifests that the layout does not have are left out.
 */
export async function readLookaside(files: LayoutFiles, has: (digest: string) => boolean): Promise<SignatureDraft[]> {
  const drafts: SignatureDraft[] = [];
  let total = 0;
  for (const path of files.paths().sort()) {
    const match = path.startsWith(`${LOOKASIDE}/`) ? SIGNATURE.exec(path) : null;
    const digest = `${match?.[1]}:${match?.[2]}`;
    if (!match || !has(digest)) continue;
    const file = files.file(path)!;
    if ((total += file.size) > LARGEST_TOTAL)
      throw refused(`The layout has more than ${LARGEST_TOTAL} bytes of simple signatures.`);
    drafts.push(await readSignature(path, digest, await files.read(file, LARGEST)));
  }
  return drafts;
}

async function readSignature(path: string, digest: string, bytes: Buffer): Promise<SignatureDraft> {
  const parsed = await simpleFormat.parse(bytes).catch((error: unknown) => {
    if (isDomainError(error)) throw refused(`${shown(path)} is no simple signature: ${error.message}`);
    throw error;
  });
  if (parsed.manifestDigest !== digest)
    throw refused(`${shown(path)} signs ${parsed.manifestDigest}, not the manifest that its folder names.`);
  return toSignatureDraft('simple', digest, bytes, parsed);
}
