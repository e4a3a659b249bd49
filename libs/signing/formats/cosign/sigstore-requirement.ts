import type { SigstoreSigned } from '#signing/signature-requirement.js';
import type { VerifyContext } from '../signature-format.js';

/** What a containers policy asks of a cosign signature, if there is a policy. */
export function requirementOf({ requirement }: VerifyContext): SigstoreSigned | undefined {
  return requirement?.type === 'sigstoreSigned' ? requirement : undefined;
}
