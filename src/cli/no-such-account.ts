import type { AccountId } from '../domain/ids.ts';

/** The log, or what is projected of it, has no account of that id. */
export class NoSuchAccount extends Error {
  override readonly name = 'NoSuchAccount';
  constructor(accountId: AccountId, where = '') {
    super(`there is no account ${accountId}${where}`);
  }
}

/** The items as they are shown. @throws NoSuchAccount where there are none, since every account has at least an event. */
export async function* shownOf<Item>(
  accountId: AccountId,
  items: AsyncIterable<Item>,
  shown: (item: Item) => string,
  where?: string,
): AsyncGenerator<string, void, undefined> {
  let isKnown = false;
  for await (const item of items) {
    isKnown = true;
    yield shown(item);
  }
  if (!isKnown) throw new NoSuchAccount(accountId, where);
}
