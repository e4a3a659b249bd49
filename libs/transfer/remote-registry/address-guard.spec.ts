import { describe, expect, test } from 'vitest';
import { AddressGuard, isPrivateAddress } from './address-guard.js';

describe('addresses', () => {
  test.each(
    [
      [
        '127.0.0.1',
        '10.0.0.1',
        '172.16.0.1',
        '172.31.255.255',
        '192.168.1.1',
        '169.254.169.254',
        '0.0.0.0',
        '100.64.0.1',
      ],
      ['224.0.0.1', '255.255.255.255', '::1', '::', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd12:3456::1', 'ff02::1'],
      [
        '::ffff:127.0.0.1',
        '::ffff:7f00:1',
        '::ffff:a00:1',
        '64:ff9b::10.0.0.1',
        '2002:7f00:1::',
        '::10.0.0.1',
        '::ffff:0:10.0.0.1',
        '2001:0:7f00:1::1',
        '100::1',
        'no address',
      ],
    ].flat(),
  )('%s is private', (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });

  test.each(['1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:1.1.1.1', '64:ff9b::8.8.8.8'])(
    '%s is public',
    (address) => {
      expect(isPrivateAddress(address)).toBe(false);
    },
  );
});

describe('a guard', () => {
  const guard = new AddressGuard(['Registry.local.', '10.0.0.5']);
  test.each(['http://10.0.0.5:5000/x', 'https://registry.local/x', 'https://example.com/x'])('lets %s pass', (url) => {
    expect(() => guard.check(new URL(url))).not.toThrow();
  });

  test.each([
    'http://10.0.0.6/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://[::ffff:10.0.0.1]/',
    'http://localhost/',
    'http://a.localhost./',
    'ftp://example.com/',
    'file:///etc/passwd',
  ])('refuses %s', (url) => {
    expect(() => guard.check(new URL(url))).toThrow(/private address|not followed/);
  });

  test('refuses a name that resolves to a private address', async () => {
    const failure = await new Promise((done) => guard.lookup('localhost', { all: true }, (error) => done(error)));
    expect(failure).toMatchObject({ code: 'UPSTREAM_REFUSED' });
  });
});
