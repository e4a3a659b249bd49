import { createPublicKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { sshFingerprint } from './ssh-fingerprint.js';

it.each([
  [
    'of the npm registry, as its attestations name it',
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg==',
    'SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA',
  ],
  [
    'of type ECDSA P-384',
    'MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEPYwXkZ+rZnOHbIAtk0yzdi7QGuwVi2/JFLcob9zQd8TqGp58Lurn5aEEjomZ9/+KW/+fztrBuItbHz8nBDvTTFidkEJaPs/zN3b+d5NdEJb3guLV5pjYuyxoNoN3Oyfq',
    'SHA256:RE/mw9N0Ovla2jA3clWHwZaZa6gCazXkQkpo9W9PAkU',
  ],
  [
    'of type ECDSA P-521',
    'MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAlC8OIPPxA5CsxgWOZ/pbfj7yW7zJ/Ww/OBBeXWswVanH/X8/FoDXOb8YDRI4tpWBbTxAQ0YlpBdeXdwF4/JB6v4AJQEcYoT9yl8tjEUHSSNsqK0UcZfUclORiemDy4mZHXyZJ6qb370608qFuqkBNdTXuBtTbShueRsp5+Y67NMrBCg=',
    'SHA256:FqqfiJgIJPd6M8Yytw81tVL18a1RlTRW9V4eRVpiDt0',
  ],
  [
    'of type RSA',
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3O+IFtUYFfqADrcpS9lSNEvA5gg3zVaER3nHFxw9H6K6V4zUFIk2hgC4dLEeVQ2CzK595i850X2NR/r5AKEuHZdxkmEZ7uWRVedjZrZQKfYjpDXrQ6kTndPSk6+AjK75/mjAG44wvtc+MesZNwzlxuJBRP5ZsJiZN1/aRG0tu/7jxjSB2jHbMnZCqZLd947N/kKvNgH8WtXKP3Ag3ei5QUuj5iO0Ld6mMC+ox98vhpxL1B4704Ry9+s+hjD3U/ml4nQs9b62W7tK8lqdIS0CmDTVEfRF7mucbUA5cRxGzJqPfroToZ4/UECHiHzoNzcRZfxuI58c6oKjbk7oOC4MRQIDAQAB',
    'SHA256:4Olm8AGWwv3Fz/g5WX90FlCQGWXpxmeROZnnrZxiLWE',
  ],
  [
    'of type Ed25519',
    'MCowBQYDK2VwAyEARvncwJUHW7kKwKZlCyKVsuOhddxqMuUBB3RTpUHktcc=',
    'SHA256:TUHckQjBeWdZs3/eN4hfD2NFKGalci617FkWFfi3vEI',
  ],
])('a key %s has the fingerprint that ssh-keygen shows', (_, spki, fingerprint) => {
  const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
  expect(sshFingerprint(key)).toBe(fingerprint);
});
