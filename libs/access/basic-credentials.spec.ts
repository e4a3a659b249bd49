import { expect, it } from 'vitest';
import { basicCredentials } from './basic-credentials.js';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

it.each([
  [basic('ann:secret'), { username: 'ann', password: 'secret' }],
  [basic('ann:se:cr:et'), { username: 'ann', password: 'se:cr:et' }],
  [basic('ann:pässwörd'), { username: 'ann', password: 'pässwörd' }],
  [basic('ann:'), { username: 'ann', password: '' }],
  [basic('robot$ci:x').replace('Basic', 'basic'), { username: 'robot$ci', password: 'x' }],
])('reads %s', (header, expected) => {
  expect(basicCredentials(header)).toEqual(expected);
});

it.each([undefined, '', 'Basic Og==', 'Bearer abc', 'Basically abc'])('takes %s for nobody', (header) => {
  expect(basicCredentials(header)).toBeUndefined();
});

it.each([
  ['Basic', 'Invalid basic header. No credentials provided.'],
  ['Basic a b', 'Invalid basic header. Credentials string should not contain spaces.'],
  ['Basic %%%', 'Invalid basic header. Credentials not correctly base64 encoded.'],
  [basic('nocolon'), 'Invalid basic header. Credentials not correctly base64 encoded.'],
  [`Basic ${'A'.repeat(10_000)}`, 'Invalid basic header. Credentials not correctly base64 encoded.'],
])('refuses %.40s', (header, message) => {
  expect(() => basicCredentials(header)).toThrow(expect.objectContaining({ kind: 'unauthenticated', message }));
});
