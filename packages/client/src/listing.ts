// Lists: read page by page as they are walked, or one page at a time.

/** A page; `next` and `previous` are cursors, null where the list ends. */
export interface Page<Item> {
  readonly data: readonly Item[];
  readonly next: string | null;
  readonly previous: string | null;
  readonly hasMore: boolean;
}
export interface PageRequest {
  /** 1 to 200; 50 where it is not given. */
  readonly limit?: number;
  /** `next` or `previous` of another page of the same list. */
  readonly cursor?: string;
}

/**
 * A list of the ledger. Nothing is asked for before it is walked, or a page is.
 *
 * @example
 * ```ts
 * for await (const entry of ledger.listEntries(accountId, { asset: 'USD' })) console.log(entry.amount);
 * const newest = await ledger.listEntries(accountId).page({ limit: 10 });
 * ```
 */
export interface Listing<Item> extends AsyncIterable<Item> {
  /** One page; the first where no cursor is given. */
  page(request?: PageRequest): Promise<Page<Item>>;
  /** All pages from the first on. */
  pages(request?: Pick<PageRequest, 'limit'>): AsyncIterable<Page<Item>>;
}

const LONGEST_PAGE = 200;

export function makeListing<Item>(page: (request: PageRequest) => Promise<Page<Item>>): Listing<Item> {
  async function* pages({ limit = LONGEST_PAGE }: Pick<PageRequest, 'limit'> = {}): AsyncGenerator<Page<Item>> {
    let cursor: string | undefined;
    for (;;) {
      const found = await page({ limit, ...(cursor === undefined ? {} : { cursor }) });
      yield found;
      if (!found.hasMore || found.next === null) return;
      cursor = found.next;
    }
  }
  return {
    page: (request = {}) => page(request),
    pages,
    async *[Symbol.asyncIterator]() {
      for await (const { data } of pages()) yield* data;
    },
  };
}
