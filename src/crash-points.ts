// Where a process can be killed on purpose. Of a process that is killed nothing is left but what it has told others: the event store,
// Postgres, the broker, whoever asked. So there is a point before and one after what it tells them on the way of money (crash-edges.ts
// watches for them; a lease has one after it, and giving it up none), and between two of them it makes no difference where it ends.

/** Every point, along the way of what it is about. The tests reach each of them: test/crash-points/. */
export const CRASH_POINTS = [
  // A request that changes something.
  'request received',
  'response written',
  // An append to a stream: a command's outcome, a step of a transfer, an expiry.
  'append to be sent',
  'append answered',
  // A command that the API hands to the broker, and its receipt; a consumer writes into it what leaves no event.
  'receipt to be written',
  'receipt written',
  'command to be published',
  'command confirmed',
  // A command that a consumer has from the broker. At the confirm of a reply the delivery is not acknowledged yet.
  'delivery taken',
  'reply to be published',
  'reply confirmed',
  'dead letter to be published',
  'dead letter confirmed',
  'delivery to be acknowledged',
  // A batch of the projector: one transaction.
  'batch to be projected',
  'rows written',
  'batch to be committed',
  'batch committed',
  // Work under a lease, and how far it is: publisher, transfer manager; the projector's is in its checkpoint.
  'lease taken',
  'lease renewed',
  'place to be saved',
  'place saved',
  // An integration event.
  'event to be published',
  'event confirmed',
  // A signed checkpoint of the chain.
  'chain checkpoint to be kept',
  'chain checkpoint kept',
  // A rebuild, and its swap.
  'shadow batch to be committed',
  'shadow batch committed',
  'swap to be committed',
  'swap committed',
  'replaced table dropped',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** The environment variable that asks for a crash: `point:n`. No setting: nobody who runs a ledger wants one. */
export const CRASH_AT = 'LEDGERFOLD_CRASH_AT';

type Environment = Readonly<Record<string, string | undefined>>;

/** A crash at the n-th time that the point is reached. */
export interface AskedCrash {
  readonly point: CrashPoint;
  readonly nth: number;
}

function parse(text: string): AskedCrash | undefined {
  const [, name, nth = '1'] = /^([a-z ]+?)(?::([1-9]\d*))?$/.exec(text) ?? [];
  const point = CRASH_POINTS.find((known) => known === name);
  return point && { point, nth: Number(nth) };
}

/** What is wrong with what is asked for; production (`NODE_ENV`) refuses all of it. */
export function crashFaults({ [CRASH_AT]: asked = '', NODE_ENV }: Environment): readonly string[] {
  if (asked === '') return [];
  if (NODE_ENV === 'production') return [`${CRASH_AT} must not be set in production: it ends the process`];
  return parse(asked)
    ? []
    : [`${CRASH_AT} must be a crash point, and which time it is reached, such as "append answered:2", not "${asked}"`];
}

/** The crash that the environment asks for; undefined where it asks for none, and always in production. */
export const askedCrash = ({ [CRASH_AT]: asked = '', NODE_ENV }: Environment): AskedCrash | undefined =>
  NODE_ENV === 'production' ? undefined : parse(asked);
