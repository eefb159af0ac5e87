// What is asked of the ledger and of its oracle alike: accounts and made things by number, amounts in smallest units, times
// in milliseconds. Nothing in it has been looked at by either.
export const ASSETS = { USD: 2, BTC: 8, JPY: 0 } as const;
export type AssetName = keyof typeof ASSETS;
export const ASSET_NAMES: readonly AssetName[] = ['USD', 'BTC', 'JPY'];
/** The accounts of a program are 0, 1 and 2; nobody ever opens this one. */
export const ACCOUNTS = [0, 1, 2] as const;
export const NOBODY = 3;
/** The most units that a balance may have. */
export const MOST = 10n ** 60n - 1n;

/** Units of tokenOut for one unit of tokenIn: n / 10^d. */
export interface UnitPrice {
  readonly n: bigint;
  readonly d: number;
}
export interface Fee {
  readonly asset: AssetName;
  readonly units: bigint;
}

interface Asked {
  /** Its number in the program; what it makes has the same. */
  readonly id: number;
  readonly account: number;
  readonly side: 'user' | 'operator';
  /** What the clock says, which may be earlier than before. */
  readonly clockMs: number;
  /** Amounts are written without their last zeros. */
  readonly isShort: boolean;
}
interface Money {
  readonly asset: AssetName;
  readonly units: bigint;
}
interface Payment extends Money {
  readonly externalId?: string | undefined;
}
type Nothing = object;
interface AtHold {
  readonly hold: number;
}
interface AtOrder {
  readonly order: number;
}
interface AtTransfer {
  readonly transfer: number;
}
interface Expiring {
  readonly expiresMs?: number | undefined;
}
interface Pair {
  readonly tokenIn: AssetName;
  readonly tokenOut: AssetName;
}
export type ReturnReason = 'recipient_frozen' | 'recipient_closed' | 'recipient_out_of_range';
/** What is asked for, by the type of the command. */
interface Bodies {
  'open-account': Nothing;
  'freeze-account': Nothing;
  'unfreeze-account': Nothing;
  'close-account': Nothing;
  'set-limits': { readonly asset: AssetName; readonly perWithdrawal?: bigint | undefined; readonly perDay?: bigint | undefined };
  deposit: Payment;
  withdraw: Payment;
  transfer: Payment & { readonly to: number };
  /** Of BTC, signed. */
  'update-coin': { readonly units: bigint };
  /** BTC. */
  'remove-coin': Nothing;
  'place-hold': Money & Expiring;
  /** Without units: all that is left. */
  'capture-hold': AtHold & { readonly asset: AssetName; readonly units?: bigint | undefined };
  'release-hold': AtHold;
  'expire-hold': AtHold;
  'place-order': Pair & Expiring & { readonly units: bigint; readonly price?: UnitPrice | undefined };
  'fill-order': AtOrder &
    Pair & {
      readonly paid: bigint;
      readonly got: bigint;
      readonly fee?: Fee | undefined;
      readonly txHash?: string | undefined;
      readonly logIndex?: number | undefined;
    };
  'cancel-order': AtOrder;
  'expire-order': AtOrder;
  'receive-transfer': AtTransfer & Money & { readonly from: number };
  'complete-transfer': AtTransfer;
  'return-transfer': AtTransfer & { readonly reason: ReturnReason };
  reverse: { readonly entry: number };
}
type RequestType = keyof Bodies;
/** A request of one of these types. */
export type RequestOf<Types extends RequestType> = { [Type in Types]: Asked & { readonly type: Type } & Bodies[Type] }[Types];
export type Request = RequestOf<RequestType>;
/** What is asked and of which account, apart from who asks, when and how. */
export type RequestBody = { [Type in RequestType]: { readonly type: Type; readonly account: number } & Bodies[Type] }[RequestType];

/** `units` of an asset as the ledger writes them: (1234n, 'USD') is "12.34". Made with string operations alone. */
export function textOf(units: bigint, asset: AssetName): string {
  const scale = ASSETS[asset];
  const sign = units < 0n ? '-' : '';
  const digits = `${units < 0n ? -units : units}`.padStart(scale + 1, '0');
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
/** The same number without the zeros at its end. */
export const shortened = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);

/** The id of what request `n` makes, as everybody writes it. */
export const idText = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;

/** What came of a request: the event's type, or the code of the refusal; with the figures that go with it. */
export interface Answer {
  readonly outcome: string;
  readonly figures: Readonly<Record<string, string>>;
  /** Of every asset it touched: available and held, after it. */
  readonly balances: Readonly<Partial<Record<AssetName, readonly [string, string]>>>;
}
/** Where money may be outside of the accounts. */
export const PLACES = ['@world', '@portfolio', '@venue', '@fees', '@transit'] as const;
export type Place = (typeof PLACES)[number];
