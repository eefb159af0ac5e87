// Random programs. A step says roughly what to do; what it comes to (which hold, how much) is settled when it is its turn,
// by what there is then: so that programs hit the edges, and stay meaningful when they are made smaller.
import fc from 'fast-check';
import type { AssetName, UnitPrice } from './requests.ts';
import { ACCOUNTS, ASSET_NAMES, MOST, NOBODY } from './requests.ts';

/** So many units; or all of what there is to take, or one unit more than that. */
export type Size = bigint | 'all' | 'one more';
/** What a fill brings: so many units, or the least that the order's price asks for, or one unit less. */
export type Proceeds = bigint | 'least' | 'below';
const HOUR_MS = 3_600_000;

const fewUnits = fc.bigInt({ min: 1n, max: 30n });
const moreUnits = fc.oneof({ weight: 40, arbitrary: fc.bigInt({ min: 1n, max: 80n }) }, { weight: 1, arbitrary: fc.constant(MOST) });
const size: fc.Arbitrary<Size> = fc.oneof(
  { weight: 60, arbitrary: fewUnits },
  { weight: 20, arbitrary: fc.constant('all' as const) },
  { weight: 6, arbitrary: fc.constant('one more' as const) },
  { weight: 1, arbitrary: fc.constant(MOST) },
);
const proceeds: fc.Arbitrary<Proceeds> = fc.oneof(
  { weight: 3, arbitrary: fewUnits },
  { weight: 4, arbitrary: fc.constant('least' as const) },
  { weight: 1, arbitrary: fc.constant('below' as const) },
);
const asset = fc.constantFrom<AssetName>(...ASSET_NAMES);
/** The third one is not open from the start, and may never be. */
const account = fc.constantFrom(...ACCOUNTS, 0, 0, 1);
/** Which of those there are, counted from the newest. */
const pick = fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(30) });
/** Now and then what belongs to one account is asked of another. */
const isStray = fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
/** To the next account, or the one after it; hardly ever to itself, or to nobody. */
const towards = fc.oneof(
  { weight: 10, arbitrary: fc.constant(1) },
  { weight: 4, arbitrary: fc.constant(2) },
  { weight: 1, arbitrary: fc.constantFrom(0, NOBODY) },
);
const side = fc.constantFrom('user' as const, 'operator' as const);
const perhaps = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 2, nil: undefined });
const externalId = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constantFrom('wire-1', 'wire-2', 'wire-3') },
);
const expiresIn = perhaps(fc.constantFrom(-HOUR_MS, 0, HOUR_MS, 30 * HOUR_MS));
const UNIT_PRICES: readonly UnitPrice[] = [
  { n: 1n, d: 0 },
  { n: 3n, d: 0 },
  { n: 125n, d: 2 },
  { n: 333_333_333_333_333_333n, d: 18 },
];
const pair = fc.shuffledSubarray([...ASSET_NAMES], { minLength: 2, maxLength: 2 });
const fillName = fc.option(fc.record({ txHash: fc.constantFrom('0xa', '0xb'), logIndex: fc.constantFrom(undefined, 0, 1) }), {
  nil: undefined,
});

const type = <Type extends string>(...types: readonly Type[]): fc.Arbitrary<Type> => fc.constantFrom(...types);
const doing = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: type('open-account'), account: fc.constantFrom<0 | 1 | 2>(2, 2, 2, 0) }) },
  { weight: 14, arbitrary: fc.record({ type: type('deposit'), account, asset, size: moreUnits, externalId }) },
  { weight: 8, arbitrary: fc.record({ type: type('withdraw'), account, asset, size, externalId }) },
  {
    weight: 8,
    arbitrary: fc.record({ type: type('transfer'), account, towards, asset, size, externalId }),
  },
  { weight: 14, arbitrary: fc.record({ type: type('manager'), pick }) },
  { weight: 1, arbitrary: fc.record({ type: type('late-manager'), pick, isReturn: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ type: type('update-coin'), account, size, isNegative: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: type('remove-coin'), account }) },
  { weight: 9, arbitrary: fc.record({ type: type('place-hold'), account, asset, size, expiresIn }) },
  { weight: 9, arbitrary: fc.record({ type: type('capture-hold'), pick, isStray, size: fc.option(size, { freq: 4, nil: undefined }) }) },
  { weight: 3, arbitrary: fc.record({ type: type('release-hold', 'expire-hold'), pick, isStray }) },
  {
    weight: 9,
    arbitrary: fc.record({
      type: type('place-order'),
      account,
      pair,
      size,
      price: perhaps(fc.constantFrom(...UNIT_PRICES)),
      expiresIn,
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      type: type('fill-order'),
      pick,
      isStray,
      size,
      proceeds,
      fee: perhaps(size),
      isFeeInTokenIn: isStray,
      name: fillName,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: type('fill-again'),
      pick,
      change: fc.constantFrom('nothing' as const, 'nothing' as const, 'amount' as const, 'fee' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: type('cancel-order', 'expire-order'), pick, isStray }) },
  { weight: 5, arbitrary: fc.record({ type: type('reverse'), pick, isStray }) },
  { weight: 2, arbitrary: fc.record({ type: type('freeze-account'), account }) },
  { weight: 6, arbitrary: fc.record({ type: type('unfreeze-account'), account }) },
  { weight: 1, arbitrary: fc.record({ type: type('close-account'), account }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: type('set-limits'), account, asset, perWithdrawal: perhaps(fewUnits), perDay: perhaps(fewUnits) }),
  },
);
/** Who asks, how amounts are written, and how far the clock goes before; it may go back. */
const manner = fc.record({
  side,
  isShort: fc.boolean(),
  waitMs: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.constantFrom(1, HOUR_MS, 13 * HOUR_MS, -2 * HOUR_MS) },
  ),
});
const step = fc.tuple(doing, manner).map(([what, how]) => ({ ...what, ...how }));
type Generated<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never;
export type Step = Generated<typeof doing> & Generated<typeof manner>;

export type Program = readonly Step[];

// What chance alone hardly ever puts together.
const asIs = { side: 'operator', isShort: false, waitMs: 0 } as const;
const manager: Step = { ...asIs, type: 'manager', pick: 0 };
const sent = { ...asIs, type: 'transfer', towards: 1, externalId: undefined } as const;
/** An account sends all it has away and is closed; if it may, its money cannot come back. */
const emptied = fc
  .record({ account, wait: fc.constantFrom([], [manager, manager]) })
  .map(
    ({ account, wait }): Program => [
      ...ASSET_NAMES.map((asset) => ({ ...sent, account, asset, size: 'all' as const })),
      ...wait,
      { ...asIs, type: 'close-account', account },
    ],
  );
/** A balance that is as large as can be goes away, and as much comes in before it is back. */
const overfull = fc.record({ account, asset }).map(
  ({ account, asset }): Program => [
    { ...sent, account, asset, size: 'all' },
    { ...asIs, type: 'deposit', account, asset, size: MOST, externalId: undefined },
    { ...sent, account, asset, size: 'all' },
    { ...asIs, type: 'deposit', account, asset, size: 1n, externalId: undefined },
  ],
);
/** Money that was received is sent back, does not arrive, and is sent back again. */
const sentBackTwice = fc.record({ account, asset, size: fewUnits }).map(({ account, asset, size }): Program => {
  const reverse: Step = { ...asIs, type: 'reverse', pick: 0, isStray: false };
  const freeze: Step = { ...asIs, type: 'freeze-account', account };
  return [
    { ...sent, account, asset, size },
    manager,
    manager,
    reverse,
    freeze,
    manager,
    manager,
    { ...freeze, type: 'unfreeze-account' },
    reverse,
  ];
});

export const programs: fc.Arbitrary<Program> = fc
  .array(
    fc.oneof(
      { weight: 120, arbitrary: step.map((one): Program => [one]) },
      { weight: 1, arbitrary: emptied },
      { weight: 1, arbitrary: overfull },
      { weight: 1, arbitrary: sentBackTwice },
    ),
    { minLength: 1, maxLength: 100, size: 'max' },
  )
  .map((parts) => parts.flat());
