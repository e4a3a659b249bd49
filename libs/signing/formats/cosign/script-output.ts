import { isUtf8 } from 'node:buffer';
import { MediaType } from '#oci/media-types.js';
import { encodeLayerDocument, LayerAnnotation } from './layer-document.js';

/**
 * What a script made of a payload, in the form that is stored: a bundle is kept as it is; a bare signature, raw or base64,
 * becomes the layer that cosign would have pushed.
 */
export function readScriptOutput(bytes: Buffer, payload: Uint8Array): Uint8Array {
  const text = bytes.toString('latin1').trim();
  // One raw signature in 256 begins like JSON, but none is a text.
  if (text.startsWith('{') && isUtf8(bytes)) return bytes;
  const base64 = /^[A-Za-z0-9+/=\s]+$/.test(text) ? text.replaceAll(/\s+/g, '') : bytes.toString('base64');
  return encodeLayerDocument({
    mimeType: MediaType.cosignSimpleSigning,
    payload: Buffer.from(payload),
    annotations: { [LayerAnnotation.signature]: base64 },
  });
}
