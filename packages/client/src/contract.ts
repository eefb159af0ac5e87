// The contract as types. They are inferred from the ledger's own zod schemas, so they cannot drift from what it checks and
// answers; only types are imported, so nothing of the service is loaded or published as code.
import type { z } from 'zod';
import type * as answers from '../../../src/api/contract.ts';
import type { AccountCommandSchema, OpenAccountBody, RegisterAssetBody } from '../../../src/domain/commands.ts';

/** A command to an account, as it is written in code: plain strings for ids, codes and amounts. */
export type Command = z.input<typeof AccountCommandSchema>;
export type CommandType = Command['type'];
export type CommandOf<Type extends CommandType> = Extract<Command, { readonly type: Type }>;
/** What is addressed: in a path over REST, beside the other fields in a message. */
type Addressed = 'type' | 'accountId' | 'holdId' | 'orderId';
/** A command's fields but its type and what it addresses. */
export type BodyOf<Type extends CommandType> = Omit<CommandOf<Type>, Addressed>;

export type NewAccount = z.input<typeof OpenAccountBody>;
export type NewAsset = z.input<typeof RegisterAssetBody>;
/** What can be sent over REST: there the id of a new account may be left to the ledger, and assets can be registered. */
export type RestCommand =
  | Exclude<Command, { readonly type: 'open-account' }>
  | ({ readonly type: 'open-account' } & NewAccount)
  | ({ readonly type: 'register-asset' } & NewAsset);

/** What each command makes. */
export interface Results {
  readonly 'open-account': { readonly accountId: string };
  readonly deposit: { readonly entryId: string };
  readonly withdraw: { readonly entryId: string };
  readonly transfer: { readonly transferId: string; readonly state: string };
  readonly 'update-coin': { readonly symbol: string; readonly quantity: string };
  readonly 'remove-coin': { readonly symbol: string; readonly quantity: string };
  readonly 'place-hold': { readonly holdId: string };
  readonly 'capture-hold': { readonly holdId: string; readonly remaining: string };
  readonly 'release-hold': { readonly holdId: string; readonly remaining: string };
  readonly 'place-order': { readonly orderId: string };
  readonly 'fill-order': { readonly fillId: string; readonly orderStatus: string };
  readonly 'cancel-order': { readonly orderId: string; readonly orderStatus: string };
  /** With a transfer where the money of a received one goes back. */
  readonly reverse: { readonly entryId: string; readonly transferId?: string; readonly state?: string };
  readonly 'freeze-account': Nothing;
  readonly 'unfreeze-account': Nothing;
  readonly 'close-account': Nothing;
  readonly 'set-limits': Nothing;
  readonly 'register-asset': { readonly code: string };
}
type Nothing = Readonly<Record<string, never>>;

export type BalanceAfter = z.output<typeof answers.BalanceAfter>;

interface AppliedBase<Type extends keyof Results> {
  /** The idempotency key that the command was sent with. */
  readonly key: string;
  readonly commandId: string;
  /** `would_apply`: a dry run, nothing was stored. */
  readonly status: 'applied' | 'would_apply';
  readonly revision: string;
  /** Give it to a read as `minPosition`, and the read sees this command. */
  readonly position: string;
  readonly result: Results[Type];
  /** Whether an earlier command with this key made the outcome; unknown where it was waited for. */
  readonly hit?: boolean;
}
/** The answer to a command that was applied. */
export type Applied<Type extends keyof Results = CommandType> = AppliedBase<Type> &
  (Type extends 'register-asset'
    ? unknown
    : {
        readonly accountId: string;
        /** Every asset that the command touched, after it. */
        readonly balances: readonly BalanceAfter[];
      });

/** A command that was taken, and will be decided: ask for it with `getCommand`, or wait for it with `outcomeOf`. */
export type Pending = z.output<typeof answers.Pending> & {
  /** The idempotency key that the command was sent with. */
  readonly key: string;
};

/** Every code that a problem may have: a `switch` over them is checked by the compiler. */
export type ProblemCode = ProblemBody['code'];
export type ProblemBody = z.output<typeof answers.Problem>;
export type FieldError = z.output<typeof answers.FieldErrorSchema>;

/** What a log-in, a registration and a refresh answer. */
export type LoggedIn = z.output<typeof answers.Session>;

export type Account = z.output<typeof answers.Account>;
export type AccountEvent = z.output<typeof answers.AccountEvent>;
export type Asset = z.output<typeof answers.Asset>;
export type Balance = z.output<typeof answers.Balance>;
export type BalanceAtPosition = z.output<typeof answers.BalanceAtPosition>;
export type BalanceList = z.output<typeof answers.BalanceList>;
export type Coin = z.output<typeof answers.Coin>;
export type Entry = z.output<typeof answers.Entry>;
export type Hold = z.output<typeof answers.Hold>;
export type Limit = z.output<typeof answers.Limit>;
export type Me = z.output<typeof answers.Me>;
export type Order = z.output<typeof answers.Order>;
export type OrderEvent = z.output<typeof answers.OrderEvent>;
export type Statement = z.output<typeof answers.Statement>;
export type Statistics = z.output<typeof answers.Statistics>;
export type Transfer = z.output<typeof answers.Transfer>;
/** What became of a command; `pending` only where commands travel through a broker. */
export type CommandStatus = z.output<typeof answers.CommandStatus>;
