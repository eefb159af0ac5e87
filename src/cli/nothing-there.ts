import type { AccountId } from '../domain/ids.ts';

/** The log, or what is projected of it, has nothing of that name. */
export class NothingThere extends Error {
  override readonly name = 'NothingThere';
  constructor(what: string) {
    super(`there is no ${what}`);
  }
}

/** The items as they are shown. @throws NothingThere where there are none, since every account has at least an event. */
export async function* shownOf<Item>(
  accountId: AccountId,
  items: AsyncIterable<Item>,
  shown: (item: Item) => string,
  where = '',
): AsyncGenerator<string, void, undefined> {
  let isKnown = false;
  for await (const item of items) {
    isKnown = true;
    yield shown(item);
  }
  if (!isKnown) throw new NothingThere(`account ${accountId}${where}`);
}
