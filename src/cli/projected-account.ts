import type { LedgerQueries } from '../api/queries.ts';
import { createQueries } from '../api/queries.ts';
import type { AccountId } from '../domain/ids.ts';
import { openTools } from './log-tools.ts';
import { NothingThere } from './nothing-there.ts';

export interface ProjectedAccount extends AsyncDisposable {
  /** What the API asks; nothing waits here. */
  readonly queries: LedgerQueries;
}

/**
 * What is asked of the projections about one account (`await using`), as they are now: it says up to where that is, and whether the log goes
 * on beyond, which only a running projector takes in.
 * @throws NothingThere
 */
export async function openProjectedAccount(verb: string, accountId: AccountId): Promise<ProjectedAccount> {
  await using opened = new AsyncDisposableStack();
  const { store, database, onProgress } = opened.use(await openTools(verb));
  const queries = createQueries({ streams: store.streams, db: database.db, waitFor: () => Promise.resolve(false) });
  const head = await store.streams.head();
  const position = await queries.position();
  const isBehind = head !== undefined && head.position > position;
  onProgress(`as of position ${position}${isBehind ? `; the log goes on to ${head.position}, which a running ledger takes in` : ''}`);
  if ((await queries.account(accountId)) === undefined) throw new NothingThere(`account ${accountId}${isBehind ? ' up to there' : ''}`);
  const kept = opened.move();
  return { queries, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
