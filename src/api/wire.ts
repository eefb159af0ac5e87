// From what queries find to what goes over the wire.
import { addDecimals, formatMinor, parseDecimal } from '../domain/amounts.ts';
import type { Page } from '../projections/page.ts';

/** A page as the contract says it. A list that has ended has no `next`, so whoever follows `next` alone stops, too. */
export const pageBody = <Row, Item>(page: Page<Row>, itemOf: (row: Row) => Item) => ({
  data: page.data.map(itemOf),
  next: page.hasMore ? (page.next ?? null) : null,
  previous: page.previous ?? null,
  hasMore: page.hasMore,
});

/** The exact sum of amounts of one asset, at the larger of their scales. */
export function sumOf(one: string, other: string): string {
  const { minor, scale } = addDecimals(parseDecimal(one), parseDecimal(other));
  return formatMinor(minor, scale);
}
