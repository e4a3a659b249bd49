import { LRUCache } from 'lru-cache';
import type { TrustMaterial } from '../../trust-material.js';
import { readPemCertificates, type Certificate } from '../x509/certificate.js';

/** Kinds of notation trust stores. */
export type StoreType = 'ca' | 'signingAuthority' | 'tsa';

/** What the stores of one type hold, or why they cannot be used. */
export type LoadedStores =
  | { readonly certificates: readonly Certificate[]; readonly problem?: undefined }
  | { readonly certificates?: undefined; readonly problem: string };

const read = new LRUCache<string, readonly Certificate[]>({
  max: 256,
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: (_, key) => key.length,
});

/**
 * The certificates of all named stores (`ca:acme`) of one type. A store without entry in `trustStores` takes the certificates
 * that came without a name. As with notation, one store that is empty, or that holds what a store may not, makes all unusable.
 */
export function loadStores(trust: TrustMaterial, stores: readonly string[], type: StoreType): LoadedStores {
  const found = new Map<string, Certificate>();
  for (const store of stores) {
    if (!store.startsWith(`${type}:`)) continue;
    const isNamed = trust.trustStores !== undefined && Object.hasOwn(trust.trustStores, store);
    const certificates = isNamed ? readTexts(trust.trustStores[store]!, `trustStores.${store}`) : unnamed(trust, type);
    if (certificates.length === 0) return { problem: `the trust store ${store} holds no certificates` };
    const stranger = isNamed ? certificates.find((certificate) => !fits(certificate, type)) : undefined;
    if (stranger)
      return { problem: `the trust store ${store} holds "${stranger.subject}", which is not ${FITTING[type]}` };
    for (const certificate of certificates) found.set(certificate.fingerprint, certificate);
  }
  return { certificates: [...found.values()] };
}

/** The certificates that came without the name of a store. */
function unnamed(trust: TrustMaterial, type: StoreType): readonly Certificate[] {
  return type === 'tsa'
    ? readTexts(trust.tsaCertificates ?? [], 'tsaCertificates')
    : readTexts(trust.certificates, 'certificates');
}

function readTexts(texts: readonly string[], field: string): readonly Certificate[] {
  return texts.flatMap((text) => {
    const known = read.get(text);
    if (known) return known;
    const certificates = readPemCertificates([text], field);
    read.set(text, certificates);
    return certificates;
  });
}

const FITTING: Readonly<Record<StoreType, string>> = {
  ca: 'a certificate authority or self-signed',
  signingAuthority: 'a certificate authority or self-signed',
  tsa: 'a root certificate authority',
};

function fits(certificate: Certificate, type: StoreType): boolean {
  const isAuthority = certificate.extensions.basicConstraints?.ca === true;
  const isSelfSigned = certificate.isSignedBy(certificate);
  return type === 'tsa' ? isAuthority && isSelfSigned : isAuthority || isSelfSigned;
}

/** True when some certificate of a chain is in a store. */
export function isAnchored(chain: readonly Certificate[], store: readonly Certificate[]): boolean {
  const trusted = new Set(store.map((certificate) => certificate.fingerprint));
  return chain.some((certificate) => trusted.has(certificate.fingerprint));
}
