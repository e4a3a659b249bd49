import { LRUCache } from 'lru-cache';
import type { TrustMaterial } from '../../trust-material.js';
import { readPemCertificates, type Certificate } from '../x509/certificate.js';

/** Kinds of notation trust stores. */
export type StoreType = 'ca' | 'signingAuthority' | 'tsa';

const read = new LRUCache<string, readonly Certificate[]>({
  max: 256,
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: (_, key) => key.length,
});

/**
 * The certificates of all named stores (`ca:acme`) of one type. A store without entry in `trustStores` takes the certificates
 * that came without a name. Named stores hold only certificate authorities and self-signed certificates.
 */
export function loadStores(trust: TrustMaterial, stores: readonly string[], type: StoreType): readonly Certificate[] {
  const found = new Map<string, Certificate>();
  for (const store of stores) {
    if (!store.startsWith(`${type}:`)) continue;
    for (const certificate of loadStore(trust, store, type)) found.set(certificate.fingerprint, certificate);
  }
  return [...found.values()];
}

function loadStore(trust: TrustMaterial, store: string, type: StoreType): readonly Certificate[] {
  const named = trust.trustStores && Object.hasOwn(trust.trustStores, store) ? trust.trustStores[store] : undefined;
  if (named) return readTexts(named, `trustStores.${store}`).filter(isAnchor);
  if (type === 'tsa') return readTexts(trust.tsaCertificates ?? [], 'tsaCertificates');
  return readTexts(trust.certificates, 'certificates');
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

function isAnchor(certificate: Certificate): boolean {
  return certificate.extensions.basicConstraints?.ca === true || certificate.isSignedBy(certificate);
}

/** True when some certificate of a chain is in a store. */
export function isAnchored(chain: readonly Certificate[], store: readonly Certificate[]): boolean {
  const trusted = new Set(store.map((certificate) => certificate.fingerprint));
  return chain.some((certificate) => trusted.has(certificate.fingerprint));
}
