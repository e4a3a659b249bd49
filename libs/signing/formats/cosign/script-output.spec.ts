import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeLayerDocument } from './layer-document.js';
import { readScriptOutput } from './script-output.js';

const payload = (at: number) => Buffer.from(`payload ${at}`);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

describe('what a signing script wrote', () => {
  it('is a signature whatever its first byte, raw or as base64', () => {
    let at = 0;
    let raw = sign('sha256', payload(at), privateKey);
    while (raw[0] !== '{'.charCodeAt(0)) raw = sign('sha256', payload(++at), privateKey);
    for (const written of [raw, Buffer.from(`${raw.toString('base64')}\n`)]) {
      const layer = decodeLayerDocument(readScriptOutput(written, payload(at)));
      expect(layer.annotations).toEqual({ 'dev.cosignproject.cosign/signature': raw.toString('base64') });
      expect(layer.payload).toEqual(payload(at));
    }
  });

  it('is a bundle when it is JSON, and kept to the byte', () => {
    const bundle = Buffer.from('\n {"mediaType": "é"}\n');
    expect(readScriptOutput(bundle, payload(0))).toBe(bundle);
  });
});
