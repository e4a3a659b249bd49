import { SigningServiceEntity } from './signing-service.entity.js';
import { TrustPolicyEntity } from './trust-policy.entity.js';

/** Tables of this lib. */
export const signingEntities: Function[] = [SigningServiceEntity, TrustPolicyEntity];
