#!/usr/bin/env node
// Stands in for nv2, which cannot be had any more: signs and verifies manifests with its compact JWT, from nothing but Node.
import { createHash, createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    method: { type: 'string', short: 'm' },
    key: { type: 'string', short: 'k' },
    cert: { type: 'string', short: 'c' },
    reference: { type: 'string', short: 'r', multiple: true },
    output: { type: 'string', short: 'o' },
    signature: { type: 'string', short: 'f' },
  },
});
const [command, input] = positionals;
const manifest = readFileSync(input.replace(/^file:/, ''));
const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
const certificate = new X509Certificate(readFileSync(values.cert));
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
const fail = (reason) => {
  console.error(reason);
  process.exit(1);
};

if (command === 'sign') {
  const header = { typ: 'x509', alg: 'RS256', x5c: [certificate.raw.toString('base64')] };
  const iat = Math.floor(Date.now() / 1000);
  const claims = { mediaType, digest, size: manifest.length, references: values.reference, iat };
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), createPrivateKey(readFileSync(values.key)));
  writeFileSync(values.output, `${signed}.${signature.toString('base64url')}`);
} else {
  const [header, claims, signature] = readFileSync(values.signature, 'utf8').trim().split('.');
  const leaf = new X509Certificate(Buffer.from(decode(header).x5c[0], 'base64'));
  if (!leaf.checkIssued(certificate) || !leaf.verify(certificate.publicKey)) fail('x509: unknown authority');
  if (!verify('sha256', Buffer.from(`${header}.${claims}`), leaf.publicKey, Buffer.from(signature, 'base64url')))
    fail('invalid signature');
  const claimed = decode(claims);
  const hosts = (claimed.references ?? []).map((reference) => reference.split('/')[0].replace(/:\d+$/, ''));
  if (!hosts.every((host) => leaf.checkIP(host) ?? leaf.checkHost(host))) fail('the reference is not covered');
  if (claimed.digest !== digest || claimed.size !== manifest.length) fail('verification failure: descriptor mismatch');
}
console.log(digest);
