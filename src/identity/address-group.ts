// Whom an address stands for, as far as limits care: one customer of a network, who may have many addresses.
import { isIPv4, isIPv6 } from 'node:net';

/** Groups of 16 bits that name the network: a /64 is what a single line is given, and it can take any address in it. */
const NETWORK_GROUPS = 4;
/** Longer than any address; what comes through a proxy need not be one. */
const MAX_LENGTH = 64;

/** An IPv4 address as it is, also where it is written as IPv6; the /64 of an IPv6 address; anything else as the name that it is. */
export function addressGroupOf(address: string): string {
  if (isIPv4(address)) return address;
  const [bare = ''] = address.split('%', 1);
  if (!isIPv6(bare)) return address.slice(0, MAX_LENGTH);
  const groups = groupsOf(bare);
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

/** The eight groups of an IPv6 address. The URL parser writes it without dots, and shortens it in one way only. */
function groupsOf(address: string): readonly number[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = [], after = []] = canonical.split('::', 2).map((half) => (half === '' ? [] : half.split(':')));
  const left = new Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...left, ...after].map((group) => Number.parseInt(group, 16));
}
