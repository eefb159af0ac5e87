// Assets: what balances are counted in. An asset is registered once; its scale never changes.
import { z } from 'zod';
import type { AssetCode } from './ids.ts';
import { AssetCodeSchema } from './ids.ts';

export const AssetKindSchema = z.enum(['fiat', 'coin']);
/** The most decimals an asset may have. */
export const MAX_SCALE = 18;

export const AssetSchema = z.strictObject({
  code: AssetCodeSchema,
  name: z.string().min(1).max(100),
  kind: AssetKindSchema,
  scale: z.int().min(0).max(MAX_SCALE),
  active: z.boolean(),
});
export type Asset = Readonly<z.infer<typeof AssetSchema>>;

/** The assets every ledger starts with. They are written to the log like any other, so that projections are a function of it alone. */
export const INITIAL_ASSETS: readonly Asset[] = z.array(AssetSchema).parse([
  { code: 'USD', name: 'US dollar', kind: 'fiat', scale: 2, active: true },
  { code: 'EUR', name: 'Euro', kind: 'fiat', scale: 2, active: true },
  { code: 'GBP', name: 'Pound sterling', kind: 'fiat', scale: 2, active: true },
  { code: 'JPY', name: 'Japanese yen', kind: 'fiat', scale: 0, active: true },
  { code: 'BTC', name: 'Bitcoin', kind: 'coin', scale: 8, active: true },
  { code: 'ETH', name: 'Ether', kind: 'coin', scale: 18, active: true },
  { code: 'SOL', name: 'Solana', kind: 'coin', scale: 9, active: true },
  { code: 'USDT', name: 'Tether', kind: 'coin', scale: 6, active: true },
]);

/** What a coin may be priced in when it is named by its trading pair, e.g. `btcusdt`. */
const PAIR_QUOTES = ['USDT', 'USDC', 'USD', 'EUR', 'GBP', 'BTC', 'ETH'] as const;

const ASCII = /^\p{ASCII}*$/u;

/**
 * The asset codes that a coin's symbol may mean, in the order in which they are tried: the exact code first,
 * then the code before a known quote (`btcusdt` may be BTCUSDT, else BTC).
 */
export function codesNamedBy(symbol: string): readonly AssetCode[] {
  if (!ASCII.test(symbol)) return []; // letters of other alphabets have capitals here: a long s would be an S
  const upper = symbol.toUpperCase();
  const bases = PAIR_QUOTES.filter((quote) => upper.length > quote.length && upper.endsWith(quote)).map((quote) =>
    upper.slice(0, -quote.length),
  );
  return [upper, ...bases].flatMap((code) => {
    const parsed = AssetCodeSchema.safeParse(code);
    return parsed.success ? [parsed.data] : [];
  });
}
