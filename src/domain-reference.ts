// The reference of the domain, written from the code's own tables: the lives of things as state diagrams, and every command
// with its events, postings and refusals. `npm run docs:domain` writes docs/domain.md; a test keeps it true.
import { COMMAND_TABLE } from './domain/command-table.ts';
import type { CommandType } from './domain/commands.ts';
import { INTERNAL_COMMANDS } from './domain/commands.ts';
import type { EventType, StoredEvent } from './domain/events.ts';
import { AccountIdSchema } from './domain/ids.ts';
import type { Transition } from './domain/lifecycles.ts';
import { ACCOUNT_TRANSITIONS, HOLD_TRANSITIONS, ORDER_TRANSITIONS, TRANSFER_TRANSITIONS } from './domain/lifecycles.ts';
import { postingsOf } from './domain/postings.ts';
import { isStored, rejection } from './domain/rejections.ts';
import { parseEvent } from './domain/upcast.ts';

const ACCOUNT = AccountIdSchema.parse('7c9e6679-7425-40de-944b-e07fc1f90ae7');
const ID = '5f0c7a36-0a0e-4c7e-9d55-2f7f0b6f3c11';
const usd = { asset: 'USD', balances: [] };
const money = { ...usd, amount: '10.00' };
const order = { orderId: ID, filledIn: '0.00', filledOut: '0.00', tokenIn: 'USD', tokenOut: 'EUR' };
const rest = { ...money, orderId: ID, filledIn: '0.00', filledOut: '0.00' };
const sent = { ...money, transferId: ID, to: ACCOUNT };

/** One event of every type, so that the postings below are those of the code and not of an author. */
const SAMPLES: Readonly<Record<EventType, Readonly<Record<string, unknown>>>> = {
  'account-opened': { limits: [] },
  'account-frozen': { reason: 'r' },
  'account-unfrozen': { reason: 'r' },
  'account-closed': {},
  'limits-set': { asset: 'USD' },
  deposited: money,
  withdrawn: money,
  'coin-updated': { ...usd, quantity: '10.00' },
  'coin-removed': { ...usd, quantity: '10.00' },
  'hold-placed': { ...money, holdId: ID, placedBy: 'user' },
  'hold-captured': { ...money, holdId: ID, remaining: '0.00', capturedBy: 'user' },
  'hold-released': { ...money, holdId: ID },
  'hold-expired': { ...money, holdId: ID },
  'order-placed': { ...order, balances: [], orderType: 'MARKET', amountIn: '10.00' },
  'order-filled': {
    ...order,
    balances: [],
    fillId: ID,
    amountIn: '10.00',
    amountOut: '9.00',
    fee: { asset: 'EUR', amount: '1.00' },
    orderStatus: 'pending',
  },
  'fill-repeated': { balances: [], orderId: ID, fillId: ID, orderStatus: 'pending', firstRevision: '1' },
  'order-cancelled': rest,
  'order-expired': rest,
  'transfer-sent': sent,
  'transfer-received': { ...money, transferId: ID, from: ACCOUNT },
  'transfer-refused': { ...money, transferId: ID, from: ACCOUNT, reason: 'recipient_frozen' },
  'transfer-completed': sent,
  'transfer-returned': { ...sent, reason: 'recipient_frozen' },
  'entry-reversed': { ...usd, amount: '-10.00', reverses: ID, reversedType: 'deposited', reason: 'r' },
  'asset-registered': { code: 'XAU', name: 'Gold', kind: 'coin', scale: 3, active: true },
  'command-rejected': { commandType: 'withdraw', code: 'insufficient_funds', detail: 'd', fields: {} },
};

/** An event of that type as the log has it, with what must be there and little else. */
export function sampleOf(type: EventType): StoredEvent {
  const parsed = parseEvent(type, { version: 1, ...SAMPLES[type] });
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.event;
}

/** From where to where an event moves value: postings come in pairs, what leaves before what arrives. */
function movesOf(type: EventType): string {
  const lines = postingsOf(sampleOf(type), ACCOUNT).map(({ account, bucket, amountMinor }) => ({
    place: account === ACCOUNT ? bucket : account,
    amountMinor,
  }));
  const moves = lines.flatMap((line, index) => {
    const other = lines[index + 1];
    if (index % 2 === 1 || other === undefined) return [];
    return line.amountMinor < 0n ? [`${line.place} → ${other.place}`] : [`${other.place} → ${line.place}`];
  });
  return moves.length === 0 ? 'none' : moves.map((move) => `\`${move}\``).join(', ');
}

function diagramOf<Status extends string>(transitions: readonly Transition<Status>[]): string {
  const steps = transitions.map(
    ({ from, on, when, to }) => `  ${from === 'none' ? '[*]' : from} --> ${to}: ${on}${when === undefined ? '' : ` (${when})`}`,
  );
  const ends = [...new Set(transitions.map(({ to }) => to))].filter((status) => transitions.every(({ from }) => from !== status));
  return ['```mermaid', 'stateDiagram-v2', ...steps, ...ends.map((end) => `  ${end} --> [*]`), '```'].join('\n');
}

const code = (text: string): string => `\`${text}\``;

function rowOf(type: keyof typeof COMMAND_TABLE): string {
  const { does, events, refusals } = COMMAND_TABLE[type];
  const moves = events.map((event) => `${code(event)}: ${movesOf(event)}`).join('<br>');
  const isInternal = Object.hasOwn(INTERNAL_COMMANDS, type);
  const kept = refusals.map((refusal) => `${code(refusal)}${isInternal || !isStored(rejection(refusal, '')) ? '°' : ''}`);
  return `| ${code(type)} | ${does} | ${moves} | ${kept.join(', ')} |`;
}

const HEAD = '| command | what it does | events and what they move | refusals |\n| --- | --- | --- | --- |';

/** The page, as Markdown. */
export function domainReference(): string {
  const types = Object.keys(COMMAND_TABLE) as (keyof typeof COMMAND_TABLE)[];
  const isInternal = (type: string): boolean => Object.hasOwn(INTERNAL_COMMANDS, type);
  const clients = types.filter((type): type is CommandType => !isInternal(type));
  const own = types.filter(isInternal);
  return `# The domain

Written by \`npm run docs:domain\` from the tables that the code itself runs on (\`src/domain/lifecycles.ts\`, \`command-table.ts\`,
\`postings.ts\`); a test fails when this page is behind them.

## Accounts

${diagramOf(ACCOUNT_TRANSITIONS)}

A frozen account still takes expiries, releases of holds, and the ends of its transfers (completed, returned); everything else that moves value is
refused, and transfers to it come back. Freezing, closing and limits are the operators’.

## Holds

${diagramOf(HOLD_TRANSITIONS)}

A hold is open until its expiry *event*: nothing else looks at \`expiresAt\`. Who placed it decides over it: the owner’s holds can be captured and
released by the owner and by operators, an operator’s by operators alone.

## Orders

${diagramOf(ORDER_TRANSITIONS)}

Behind a pending order stands what is left of its \`amountIn\`, held. A \`LIMIT\` fill is accepted if and only if
\`amountOut ≥ amountIn × targetPrice\`, before the fee. The product is exact (decimal.js with more digits than any product has), so there is no
rounding to know about; every amount booked is one that was reported. \`filledOut\` counts before fees.

## Transfers

${diagramOf(TRANSFER_TRANSITIONS)}

Between \`transfer-sent\` and its end the money is in \`@transit\`, and the recipient’s stream says \`transfer-received\`, or \`transfer-refused\`
with the reason. The \`externalId\` of a transfer stays used, returned or not.

A reversal counts from when it is made, whatever \`effectiveAt\` the entry had. What counts towards the limits is not taken off them again when it
is reversed or comes back.

## Commands

What an event makes (an entry, a hold, an order, a fill, a transfer) has the event’s id. Any command to an account that is not there, or is not the user’s, is
\`account_not_found\`. Refusals marked ° leave nothing in the log and are decided afresh; the others are events, and the same key gets them again.
Moves are between the account’s buckets (\`available\`, \`held\`) and the system’s accounts; those of \`coin-updated\` and \`entry-reversed\` go the other
way where the amount’s sign does, and a reversal is booked against the account that the entry was.

${HEAD}
${clients.map(rowOf).join('\n')}

### What the ledger asks of itself

Keys begin with \`sys:\`, which no client may use. Where nothing is due, nothing is written.

${HEAD}
${own.map(rowOf).join('\n')}
`;
}
