// Settings that name parts of a network: origins of pages, and addresses of proxies. Lists, separated by commas.
import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';

const entriesOf = (list: string): readonly string[] => [...new Set(list.split(',').map((entry) => entry.trim()))];

const isOrigin = (text: string): boolean => {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
};

/** Origins as browsers send them. `*` is none: credentials are sent along. */
export const origins = () =>
  z
    .string()
    .transform(entriesOf)
    .refine((entries) => entries.every(isOrigin), 'origins such as https://app.example.com, without a path, separated by commas');

const NAMED_NETWORKS: ReadonlySet<string> = new Set(['loopback', 'linklocal', 'uniquelocal']);

function isNetwork(text: string): boolean {
  if (NAMED_NETWORKS.has(text)) return true;
  const [address = '', length, ...more] = text.split('/');
  if (isIP(address) === 0 || more.length > 0) return false;
  // A length of 0 would believe everybody.
  return length === undefined || (/^[1-9][0-9]{0,2}$/.test(length) && Number(length) <= (isIPv4(address) ? 32 : 128));
}

/** Addresses and networks (10.0.0.0/8), or the names of some. */
export const networks = () =>
  z
    .string()
    .transform(entriesOf)
    .refine(
      (entries) => entries.every(isNetwork),
      'addresses or networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal, separated by commas',
    );
