// Runs a program against the ledger and the oracle side by side, and compares them after every step.
import { isDeepStrictEqual } from 'node:util';
import type { Account } from '../../../src/domain/account.ts';
import { emptyAccount, evolve } from '../../../src/domain/account.ts';
import type { Fact } from '../../../src/domain/facts.ts';
import { factsIn, nameOfFact } from '../../../src/domain/facts.ts';
import { CommandIdSchema } from '../../../src/domain/ids.ts';
import { parseEvent } from '../../../src/domain/upcast.ts';
import type { Decide, Done, Ledger } from './ledger-in-memory.ts';
import { accountIdOf, makeLedger } from './ledger-in-memory.ts';
import type { Oracle } from './oracle.ts';
import { makeOracle } from './oracle.ts';
import type { Program } from './programs.ts';
import type { Answer, AssetName, Request } from './requests.ts';
import { ACCOUNTS, ASSET_NAMES, PLACES } from './requests.ts';
import type { Settler } from './settle.ts';
import { makeSettler } from './settle.ts';

/** The ledger and its oracle are of two minds. */
export class Disagreement extends Error {
  constructor(what: string, ledger: unknown, oracle: unknown, asked?: Request) {
    const shown = (value: unknown): string => JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner));
    super([what, ...(asked ? [`  asked  ${shown(asked)}`] : []), `  ledger ${shown(ledger)}`, `  oracle ${shown(oracle)}`].join('\n'));
  }
}
function same(what: string, ledger: unknown, oracle: unknown, asked?: Request): void {
  if (!isDeepStrictEqual(ledger, oracle)) throw new Disagreement(what, ledger, oracle, asked);
}

/** What happened on the way, so that a test can see that programs do get everywhere. */
export type Tally = Set<string>;
const manner = { side: 'user', isShort: false, waitMs: 0 } as const;
/** How every program begins: two accounts are open, and the first has some of everything. */
const BEGINNING: Program = [
  { ...manner, type: 'open-account', account: 0 },
  { ...manner, type: 'open-account', account: 1 },
  ...ASSET_NAMES.map((asset) => ({ ...manner, type: 'deposit' as const, account: 0 as const, asset, size: 100n, externalId: undefined })),
];

/**
 * After the program the transfer manager finishes its work, and the streams are folded once more.
 * @throws Disagreement, or whatever the ledger throws.
 */
export function run(program: Program, { decideIt, tally }: { readonly decideIt?: Decide; readonly tally?: Tally } = {}): void {
  const ledger = makeLedger(decideIt);
  const oracle = makeOracle();
  const settler = makeSettler(ledger.account);
  let next = 1;
  const perform = (asked: Request | undefined): boolean => {
    if (asked === undefined) return false;
    next += 1;
    const done = ledger.perform(asked);
    const expected = oracle.answer(asked);
    compareAnswers(asked, done, expected);
    settler.note(asked, done);
    compareBooks(asked, ledger, oracle, settler);
    tally?.add(expected.outcome);
    if (asked.type === 'reverse') tally?.add(`${expected.outcome} (a reversal)`);
    if (expected.figures['reason'] !== undefined) tally?.add(expected.figures['reason']);
    return true;
  };
  for (const step of [...BEGINNING, ...program]) perform(settler.request(step, next));
  while (perform(settler.nextOfManager(next)));
  for (const asset of ASSET_NAMES) same(`@transit ${asset} at the end`, ledger.journal('@transit', asset), 0n);
  for (const account of ACCOUNTS) compareWithTheLog(account, ledger);
}

function compareAnswers(asked: Request, done: Done, expected: Answer): void {
  const outcome = 'event' in done ? done.event.type : done.rejection.code;
  same('what came of it', outcome, expected.outcome, asked);
  const figures: Readonly<Record<string, unknown>> = 'event' in done ? done.event : done.rejection.fields;
  for (const [name, figure] of Object.entries(expected.figures)) same(name, figures[name], figure, asked);
  const balances = 'event' in done && 'balances' in done.event ? done.event.balances : [];
  same(
    'balances in the answer',
    Object.fromEntries(balances.map(({ asset, available, held }) => [asset, [available, held]])),
    expected.balances,
    asked,
  );
  same('each asset once', balances.length, Object.keys(expected.balances).length, asked);
}

/** What its open holds and pending orders say is held. */
function heldBehind(account: Account, asset: AssetName): bigint {
  let sum = 0n;
  for (const hold of account.holds.values()) if (hold.asset === asset) sum += hold.remaining.minor;
  for (const order of account.orders.values()) if (order.tokenIn === asset) sum += order.amountIn.minor - order.filledIn.minor;
  return sum;
}

function compareBooks(asked: Request, ledger: Ledger, oracle: Oracle, settler: Settler): void {
  const equal = (what: () => string, ofLedger: bigint, ofOracle: bigint): void => {
    if (ofLedger !== ofOracle) throw new Disagreement(what(), ofLedger, ofOracle, asked);
  };
  for (const n of ACCOUNTS) {
    const account = ledger.account(n);
    same('status', account.status, oracle.status(n), asked);
    for (const asset of ASSET_NAMES) {
      const { availableMinor, heldMinor } = balanceIn(account, asset);
      if (availableMinor < 0n || heldMinor < 0n) throw new Disagreement('below zero', [availableMinor, heldMinor], 'never', asked);
      equal(() => `${asset} available in account ${n}`, availableMinor, oracle.available(n, asset));
      equal(() => `${asset} held in account ${n}`, heldMinor, oracle.held(n, asset));
      equal(() => `${asset} held for open holds and pending orders of account ${n}`, heldBehind(account, asset), heldMinor);
      equal(() => `${asset} of account ${n} in the journal`, ledger.journal(accountIdOf(n), asset), availableMinor + heldMinor);
    }
  }
  for (const asset of ASSET_NAMES) {
    for (const place of PLACES) equal(() => `${place} ${asset}`, ledger.journal(place, asset), oracle.outside(place, asset));
    equal(() => `@transit ${asset}: transfers under way`, ledger.journal('@transit', asset), settler.inTransit(asset));
    const everywhere = [...PLACES, ...ACCOUNTS.map(accountIdOf)];
    const sum = everywhere.reduce((total, place) => total + ledger.journal(place, asset), 0n);
    equal(() => `the sum of all postings in ${asset}`, sum, 0n);
  }
}

function balanceIn(account: Account, asset: AssetName): { readonly availableMinor: bigint; readonly heldMinor: bigint } {
  for (const [code, balance] of account.balances) if (code === asset) return balance;
  return { availableMinor: 0n, heldMinor: 0n };
}

/** The account with what is open in maps that Node knows how to compare. */
const inPlainMaps = ({ holds, orders, transfers, ...account }: Account): object => ({
  ...account,
  holds: new Map(holds),
  orders: new Map(orders),
  transfers: new Map(transfers),
});

/** Folds what was written, read back from its JSON, and compares it with what was kept on the way. */
function compareWithTheLog(n: number, ledger: Ledger): void {
  let account = emptyAccount(accountIdOf(n));
  const facts = new Map<string, Fact>();
  for (const { event: written, eventId, occurredAt } of ledger.written(n)) {
    const { type, ...data } = written;
    const parsed = parseEvent(type, JSON.parse(JSON.stringify(data)));
    if (!parsed.ok) throw new Disagreement('an event that cannot be read', parsed.reason, 'one that can');
    const { event } = parsed;
    account = evolve(account, { event, revision: account.revision + 1n, occurredAt });
    const source = { event, eventId, revision: account.revision, commandId: CommandIdSchema.parse(eventId), accountId: account.accountId };
    for (const fact of factsIn(source)) facts.set(nameOfFact(fact), fact);
  }
  same(`account ${n}, folded from its stream`, inPlainMaps(account), inPlainMaps(ledger.account(n)));
  same(`facts of account ${n}, from its stream`, facts, ledger.facts(n));
}
