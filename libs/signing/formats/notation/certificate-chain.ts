import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { messageOf } from '#platform/domain-error.js';
import { parseCertificate, type Certificate } from '../x509/certificate.js';
import { findChainProblem, MAX_CHAIN, type ChainProblem } from './certificate-rules.js';
import { refuse } from './envelope.js';

/** A signing chain and what the rules say of it; kept because most signatures of a registry share a few chains. */
export interface SigningChain {
  readonly certificates: readonly Certificate[];
  readonly problem?: ChainProblem;
}

const chains = new LRUCache<string, SigningChain>({ max: 512 });

/** Reads the certificates of an envelope and applies the chain rules; throws `MALFORMED_ENVELOPE` when one cannot be read. */
export function readSigningChain(ders: readonly Uint8Array[]): SigningChain {
  if (ders.length > MAX_CHAIN) throw refuse(`The certificate chain is longer than ${MAX_CHAIN} certificates.`);
  const hash = createHash('sha256');
  for (const der of ders) hash.update(`${der.length}:`).update(der);
  const key = hash.digest('base64');
  const known = chains.get(key);
  if (known) return known;
  const certificates = ders.map((der) => {
    try {
      return parseCertificate(der);
    } catch (error) {
      throw refuse(`A certificate of the chain cannot be read: ${messageOf(error).slice(0, 200)}.`);
    }
  });
  const problem = findChainProblem(certificates, 'codeSigning');
  const chain = { certificates, ...(problem ? { problem } : {}) };
  chains.set(key, chain);
  return chain;
}
