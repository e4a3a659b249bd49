import { expect, it } from 'vitest';
import { LoginThrottle } from './login-throttle.js';

function throttle(perAccount = 3, perAddress = 5) {
  const clock = { now: 1_000_000 };
  return { clock, guard: new LoginThrottle({ windowMs: 60_000, perAccount, perAddress }, () => clock.now) };
}

it('refuses the attempt after too many failures and says when to come again', () => {
  const { clock, guard } = throttle();
  for (let i = 0; i < 3; i++) {
    guard.begin('ann', '10.0.0.1');
    clock.now += 10_000;
  }
  expect(() => guard.begin('ann', '10.0.0.1')).toThrow(
    expect.objectContaining({ kind: 'throttled', options: { retryAfter: 30 } }),
  );
  clock.now += 30_001;
  expect(() => guard.begin('ann', '10.0.0.1')).not.toThrow();
});

it('failures of one account do not lock out another address or account', () => {
  const { guard } = throttle();
  for (let i = 0; i < 3; i++) guard.begin('ann', '10.0.0.1');
  expect(() => guard.begin('ann', '10.0.0.2')).not.toThrow();
  expect(() => guard.begin('bob', '10.0.0.1')).not.toThrow();
});

it('an address that tries one password on many accounts is slowed too', () => {
  const { guard } = throttle();
  for (let i = 0; i < 5; i++) guard.begin(`user${i}`, '10.0.0.1');
  expect(() => guard.begin('user6', '10.0.0.1')).toThrow(expect.objectContaining({ kind: 'throttled' }));
});

it('successful sign-ins never count', () => {
  const { guard } = throttle();
  for (let i = 0; i < 50; i++) guard.begin('ann', '10.0.0.1')();
  expect(() => guard.begin('ann', '10.0.0.1')).not.toThrow();
});

it('parallel guesses are counted before they are judged', () => {
  const { guard } = throttle();
  const results = Array.from({ length: 10 }, () => {
    try {
      return typeof guard.begin('ann', '10.0.0.1');
    } catch {
      return 'refused';
    }
  });
  expect(results.filter((each) => each === 'refused')).toHaveLength(7);
});

it('the addresses of one IPv6 network count as one, those of another network do not', () => {
  const { guard } = throttle();
  for (const address of ['2001:db8:0:1::1', '2001:db8::1:ffff:0:0:2', '2001:0DB8:0:1:a:b:c:d'])
    guard.begin('ann', address);
  expect(() => guard.begin('ann', '2001:db8:0:1:9::')).toThrow(expect.objectContaining({ kind: 'throttled' }));
  expect(() => guard.begin('ann', '2001:db8:0:2::1')).not.toThrow();
});

it('an IPv4 address is the same in IPv6 form, and no other address', () => {
  const { guard } = throttle();
  for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '::FFFF:10.0.0.1']) guard.begin('ann', address);
  expect(() => guard.begin('ann', '10.0.0.1')).toThrow(expect.objectContaining({ kind: 'throttled' }));
  expect(() => guard.begin('ann', '::ffff:10.0.0.2')).not.toThrow();
});
