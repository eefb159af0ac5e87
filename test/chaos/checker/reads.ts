// Reads: never below what was asked to be seen, never below what the client has read, and always what once was true.
import type { History, Read } from '../history.ts';
import type { BalanceFrom, Folded } from './balances.ts';
import { balanceName, isSameAmount } from './balances.ts';
import type { Violation } from './violation.ts';
import { violation } from './violation.ts';

export function checkReads({ reads }: History, { balances }: Folded): readonly Violation[] {
  const highest = new Map<string, bigint>();
  return reads
    .toSorted((one, other) => one.endedMs - other.endedMs)
    .flatMap((read) => {
      const { client, minPosition, position, accountId, asset, balance } = read;
      const said = `${client} read ${balance.available} ${asset} and ${balance.held} held of ${accountId} at position ${position}`;
      const violations: Violation[] = [];
      if (minPosition !== undefined && position < minPosition)
        violations.push(violation('stale-read', `${said}, and asked for ${minPosition}`));
      // One client reads one after another.
      const before = highest.get(client) ?? 0n;
      if (position < before) violations.push(violation('read-went-back', `${said}, after ${before}`));
      highest.set(client, position > before ? position : before);
      if (!wasTrue(read, balances.get(balanceName(accountId, asset)) ?? []))
        violations.push(violation('stale-read', `${said}, which it never was from there on`));
      return violations;
    });
}

/** Whether the balance was so at the read's position, or later: what is told may be newer. */
function wasTrue({ balance, position }: Read, history: readonly BalanceFrom[]): boolean {
  const since = history.findLastIndex((one) => one.position <= position);
  const candidates = history.slice(Math.max(0, since));
  if (since === -1 && isSameAmount(balance.available, '0') && isSameAmount(balance.held, '0')) return true;
  return candidates.some(({ available, held }) => isSameAmount(available, balance.available) && isSameAmount(held, balance.held));
}
