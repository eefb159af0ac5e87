// A ledger whose log has everything that exports and statements must get through, written straight to the store, and projected.
import { makeAssetRegistry } from '../../src/commands/asset-registry.ts';
import type { AssetRegistered, StoredEvent } from '../../src/domain/events.ts';
import { accountStream, assetStream } from '../../src/domain/events.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import {
  assetCode,
  coinUpdated,
  deposited,
  holdPlaced,
  newAccountId,
  newEvent,
  newHoldId,
  newOrderId,
  opened,
  orderFilled,
  orderPlaced,
  withdrawn,
} from '../eventstore/new-events.ts';
import type { LedgerUnderTest } from '../projections/ledger-under-test.ts';
import { startLedger } from '../projections/ledger-under-test.ts';
import { writeMixedLog } from '../projections/mixed-log.ts';

/** What would end a line, a string or a comment, move a transaction, be a formula, or be no text at all somewhere. */
export const HOSTILE_TEXTS = [
  '=HYPERLINK("http://example.com")',
  '@SUM(A1)',
  'date:2001-01-01, date2:2001-01-01 [2001-01-01]',
  '; a comment | a note',
  'ends with a backslash \\',
  '"quoted" \\"twice\\"',
  '* ! (code) #tag ^link',
  "it's 100,00 €, ünïcode 💶",
  'two  spaces\tand a tab',
] as const;

/** The most digits that an amount may have. */
const SIXTY_DIGITS = `${'9'.repeat(42)}.${'123456789012345678'}`;
export const VAST = assetCode('VAST18');

/** Codes that are special somewhere, with the most and the fewest decimals. */
const ODD_ASSETS: readonly Omit<AssetRegistered, 'type' | 'version'>[] = [
  { code: assetCode('X1INCH'), name: '1inch; "quoted" date:2001-01-01', kind: 'coin', scale: 18, active: true },
  { code: assetCode('A1'), name: 'A€', kind: 'coin', scale: 0, active: true },
  { code: assetCode('TRUE'), name: 'True', kind: 'fiat', scale: 3, active: true },
  { code: VAST, name: 'Vast', kind: 'coin', scale: 18, active: true },
  { code: assetCode('Z234567890123456'), name: 'Sixteen', kind: 'coin', scale: 1, active: true },
];

export interface Books extends LedgerUnderTest {
  readonly accountIds: readonly AccountId[];
  /** The one with the odd assets and the hostile texts. */
  readonly oddAccount: AccountId;
  /** Up to here in the log, no amount has more than 28 digits. */
  readonly beforeVast: bigint;
}

/** @param events of mixed commands beside the odd ones. */
export async function startBooks(events: number): Promise<Books> {
  const ledger = await startLedger();
  const { accountIds } = await writeMixedLog(ledger.store.streams, { events, accounts: 12, seed: 7 });
  await makeAssetRegistry(ledger.store.streams).registerInitial(Date.now());
  for (const asset of ODD_ASSETS)
    await ledger.append(assetStream(asset.code), newEvent({ type: 'asset-registered', version: 1, ...asset }));
  const oddAccount = newAccountId();
  const now = { occurredAt: new Date().toISOString() };
  const [orderId, holdId] = [newOrderId(), newHoldId()];
  const [inch, a1, yes, , sixteen] = ODD_ASSETS.map(({ code }) => code);
  if (inch === undefined || a1 === undefined || yes === undefined || sixteen === undefined) throw new Error('five assets are needed');
  const told: readonly StoredEvent[] = [
    opened({ label: HOSTILE_TEXTS[0] }),
    deposited('12345678.123456789012345678', { asset: inch }),
    withdrawn('0.000000000000000001', { asset: inch }),
    deposited('7', { asset: a1 }),
    deposited('1000.001', { asset: yes }),
    coinUpdated('0.1', sixteen),
    ...HOSTILE_TEXTS.map((reference) => deposited('1.00', { reference, externalId: `${reference}.` })),
    holdPlaced(holdId, '2.00', { reference: HOSTILE_TEXTS[3] }),
    orderPlaced(orderId, '3.00', { tokenOut: inch, filledOut: '0.000000000000000000' }),
    orderFilled(orderId, '1.00', '5.000000000000000003', {
      tokenOut: inch,
      fee: { asset: inch, amount: '0.000000000000000002' },
      filledIn: '1.00',
      filledOut: '5.000000000000000003',
      orderStatus: 'pending',
    }),
  ];
  await ledger.append(accountStream(oddAccount), ...told.map((event) => newEvent(event, now)));
  const backdated = newEvent(deposited('11.00'), { ...now, effectiveAt: '2020-02-29T23:59:59Z' });
  const beforeVast = await ledger.append(accountStream(oddAccount), backdated);
  await ledger.append(accountStream(oddAccount), newEvent(deposited(SIXTY_DIGITS, { asset: VAST }), now));
  await ledger.append(accountStream(oddAccount), newEvent(withdrawn('0.000000000000000001', { asset: VAST }), now));
  ledger.projector().start();
  await ledger.caughtUp();
  return { ...ledger, accountIds: [...accountIds, oddAccount], oddAccount, beforeVast };
}
