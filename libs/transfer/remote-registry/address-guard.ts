import { lookup as resolveHost, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { refusedHop } from './upstream-error.js';

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  // Teredo, and addresses that lead nowhere.
  ['2001::', 32],
  ['100::', 64],
  ['64:ff9b:1::', 48],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6');

/** True for loopback, private, link-local, multicast and other addresses that are no place on the internet. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return PRIVATE.check(address, 'ipv4');
  if (family !== 6) return true;
  const embedded = embeddedIpv4(address);
  return embedded === undefined ? PRIVATE.check(address, 'ipv6') : PRIVATE.check(embedded, 'ipv4');
}

/** Which hosts may be connected to. `trusted` ones may have private addresses: the remote's own, and those of the settings. */
export class AddressGuard {
  private readonly trusted: ReadonlySet<string>;

  constructor(trusted: readonly string[]) {
    this.trusted = new Set(trusted.map(plainHost));
  }

  /** Refuses schemes other than http and https, and literal private addresses. Names are checked when they are resolved. */
  check(url: URL): void {
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw refusedHop(url, `the scheme ${url.protocol} is not followed`);
    const host = plainHost(url.hostname);
    if (this.trusts(url)) return;
    if ((isIP(host) !== 0 && isPrivateAddress(host)) || host === 'localhost' || host.endsWith('.localhost'))
      throw refusedHop(
        url,
        `leads to the private address ${host}; allow it with HALLMARK_OUTBOUND_ALLOW if it is meant`,
      );
  }

  /** Resolves a name and gives only addresses that may be used; the connection takes one of them and resolves no more. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    resolveHost(hostname, { ...options, all: true }, (error, found) => {
      const addresses = found as unknown as LookupAddress[];
      if (error) return callback(error, '', 0);
      const bad = this.trusted.has(plainHost(hostname))
        ? undefined
        : addresses.find(({ address }) => isPrivateAddress(address));
      if (bad) {
        const refusal = refusedHop(
          `http://${hostname}/`,
          `resolves to the private address ${bad.address}; allow it with HALLMARK_OUTBOUND_ALLOW if it is meant`,
        );
        return callback(refusal, '', 0);
      }
      if (options.all) return callback(null, addresses);
      callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };

  private trusts(url: URL): boolean {
    return this.trusted.has(plainHost(url.hostname)) || this.trusted.has(url.host.toLowerCase());
  }
}

/** A host name as it is compared: lower case, IPv6 without brackets, no dot at the end. */
export function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/** The IPv4 address inside an IPv6 one: mapped, translated, compatible, NAT64 or 6to4. */
function embeddedIpv4(address: string): string | undefined {
  const words = wordsOf(address);
  const tail = [words[6]!, words[7]!];
  const zeros = (count: number) => words.slice(0, count).every((word) => word === 0);
  if (zeros(5) && words[5] === 0xffff) return dotted(tail);
  if (zeros(4) && words[4] === 0xffff && words[5] === 0) return dotted(tail);
  if (zeros(6) && (words[6] !== 0 || words[7]! > 1)) return dotted(tail);
  if (words[0] === 0x64 && words[1] === 0xff9b && words.slice(2, 6).every((word) => word === 0)) return dotted(tail);
  if (words[0] === 0x2002) return dotted([words[1]!, words[2]!]);
  return undefined;
}

function wordsOf(address: string): number[] {
  const plain = address
    .split('%', 1)[0]!
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) =>
      [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((word) => word.toString(16)).join(':'),
    );
  const [head = '', tail] = plain.split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)));
  if (tail === undefined) return words(head);
  const [left, right] = [words(head), words(tail)];
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
}

const dotted = ([high = 0, low = 0]: readonly number[]) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
