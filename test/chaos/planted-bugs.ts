// Bugs to be planted in a real ledger, each the kind that the checker is there for.
import type { ViolationName } from './checker/violation.ts';

interface Change {
  /** The end of the module's path. */
  readonly module: string;
  readonly find: string;
  readonly put: string;
}
export interface PlantedBug {
  readonly what: string;
  readonly violation: ViolationName;
  readonly changes: readonly Change[];
  /** The stack has one, and the bug is in what goes over it. */
  readonly withBroker?: true;
}

export const PLANTED_BUGS = {
  'lost-update': {
    what: 'appends to whatever revision the stream has, on a state that others have moved on from',
    violation: 'lost-update',
    changes: [
      {
        module: 'src/eventstore/streams.ts',
        find: 'expectedRevision: expecting === -1n ? NO_STREAM : expecting,',
        // The assets are left in order: two ledgers that start at once could not begin.
        put: "expectedRevision: stream.startsWith('account-') ? 'any' : expecting === -1n ? NO_STREAM : expecting,",
      },
    ],
  },
  'double-apply': {
    what: 'knows no command that it has decided before',
    violation: 'applied-twice',
    changes: [
      {
        module: 'src/commands/batch.ts',
        find: 'const outcome = dryRun ? undefined : known.outcome(commandId);',
        put: 'const outcome = undefined;',
      },
    ],
  },
  'other-amount': {
    what: 'books a minor unit more than was deposited',
    violation: 'not-as-asked',
    changes: [
      {
        module: 'src/domain/money.ts',
        find: "paymentOf(command, asset, amountMinor), type: 'deposited'",
        put: "paymentOf(command, asset, amountMinor + 1n), type: 'deposited'",
      },
    ],
  },
  'skipped-event': {
    what: 'projects no refusal',
    violation: 'skipped-event',
    changes: [
      {
        module: 'src/projections/apply-batch.ts',
        find: 'await applyToTables(insertingWriter(tx), batch);',
        put: "await applyToTables(insertingWriter(tx), batch.filter(({ event }) => event.type !== 'command-rejected'));",
      },
    ],
  },
  'negative-balance': {
    what: 'lets accounts spend what they do not have',
    violation: 'negative-balance',
    changes: [
      { module: 'src/domain/entries.ts', find: 'if (availableMinor >= amountMinor) return undefined;', put: 'return undefined;' },
      { module: 'src/domain/account.ts', find: 'if (availableMinor < 0n || heldMinor < 0n) {', put: 'if (heldMinor < 0n) {' },
    ],
  },
  'stale-read': {
    what: 'does not wait until a position is projected',
    violation: 'stale-read',
    changes: [
      {
        module: 'src/api/read-route.ts',
        find: 'if (minPosition !== undefined) await waitFor(queries, BigInt(minPosition));',
        put: '',
      },
    ],
  },
  reordering: {
    what: 'decides what waits for an account last come, first served',
    violation: 'reordered',
    changes: [
      {
        module: 'src/commands/mailbox.ts',
        find: 'const taken = mailbox.waiting.slice(0, maxBatch);',
        put: 'const taken = mailbox.waiting.slice(0, maxBatch).reverse();',
      },
    ],
  },
  'untold-event': {
    what: 'tells nobody of withdrawals',
    violation: 'event-untold',
    withBroker: true,
    changes: [
      {
        module: 'src/consumers/event-publisher.ts',
        find: 'if (told === undefined) return undefined;',
        put: "if (told === undefined || event.event.type === 'withdrawn') return undefined;",
      },
    ],
  },
} as const satisfies Readonly<Record<string, PlantedBug>>;
