import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MediaType } from '#oci/media-types.js';
import { cosignFormat } from './cosign-format.js';
import { contextFor } from './fixtures.js';
import { jsonMutants } from './json-mutants.js';

const FOLDER = join(process.cwd(), 'test/fixtures/vectors/cosign');
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const bundle = read('oci-attestation.sigstore.json');
const root = read('trusted_root_pgi.json');
const recorded = JSON.parse(read('verdicts.json')) as { readonly bundles: string[]; readonly roots: string[] };

const digest = 'sha256:732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4';
const manifest = { mediaType: MediaType.ociManifest, digest, size: 0, bytes: new Uint8Array() };
const trust = {
  identities: [{ subject: 'cody@soyland.com', issuer: 'https://github.com/login/oauth' }],
  predicateTypes: ['https://cosign.sigstore.dev/attestation/v1'],
};

async function accepts(bytes: string, trustedRoot: string): Promise<boolean> {
  const context = contextFor({ ...trust, trustedRoot: parsed(trustedRoot) }, { manifest });
  return (await cosignFormat.verify(Buffer.from(bytes), context)).outcome === 'verified';
}

/** As a client of the REST API hands it in: what is no JSON never comes this far. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A root without logs for certificates asks for no entry there; JSON with a member twice is for the reader of the request to refuse. */
const OURS_TO_SAY = /^ctlogs (?:null|\[\]|removed)$| there twice$/;

describe('one change at a time has the verdict of cosign 3', { timeout: 240_000 }, () => {
  it('in a keyless bundle', async () => {
    const accepted: string[] = [];
    for (const [name, text] of jsonMutants(JSON.parse(bundle))) if (await accepts(text, root)) accepted.push(name);
    expect(accepted).toEqual(recorded.bundles);
  });

  it('in a trusted root', async () => {
    const accepted: string[] = [];
    for (const [name, text] of jsonMutants(JSON.parse(root)))
      if (!OURS_TO_SAY.test(name) && (await accepts(bundle, text))) accepted.push(name);
    expect(accepted).toEqual(recorded.roots.filter((name) => !OURS_TO_SAY.test(name)));
  });
});
