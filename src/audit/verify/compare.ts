// What the log comes to, held against what Postgres has: table by table, row by row, both in the order of their keys.
import type { EventPlace } from '../../eventstore/errors.ts';
import type { BooksSnapshot, SnapshotRow } from '../../projections/books-snapshot.ts';
import { digestOf, outcomeKey, placeOf } from './commands.ts';
import type { Comparison, Row } from './compared-tables.ts';
import { comparisons, isBefore, unique } from './compared-tables.ts';
import type { Books } from './fold.ts';
import type { Findings } from './observation.ts';

/** Tells of every row that only one side has, and of every one that is another there. */
async function compareRows({ table, thing, expected, found }: Comparison, { add }: Findings): Promise<void> {
  const log = expected[Symbol.iterator]();
  let next = log.next();
  const missing = ([key, what]: Row): void =>
    add({ kind: `${table}_row_missing`, detail: `Postgres does not have ${thing} ${key}.`, expected: what });
  for await (const [key, what] of found) {
    while (next.done !== true && next.value[0] !== key && isBefore(next.value[0], key)) {
      missing(next.value);
      next = log.next();
    }
    if (next.done === true || next.value[0] !== key) {
      add({ kind: `${table}_row_extra`, detail: `Postgres has ${thing} ${key}, which no event of the log makes.`, found: what });
      continue;
    }
    const [, should] = next.value;
    if (should !== what)
      add({ kind: `${table}_row_differs`, detail: `In Postgres ${thing} ${key} is not what the log says.`, expected: should, found: what });
    next = log.next();
  }
  for (; next.done !== true; next = log.next()) missing(next.value);
}

/** Outcomes are compared by digests: the answers to all commands are too much to keep, and told of by their event. */
async function compareOutcomes({ commands }: Books, { rows: of }: BooksSnapshot, { tell, add }: Findings): Promise<void> {
  const at = unique(commands.outcomes.sorted())[Symbol.iterator]();
  let next = at.next();
  const place = (): EventPlace | undefined => (next.done === true ? undefined : placeOf(next.value[1]));
  const missing = (): void => {
    const event = place();
    if (event !== undefined) tell(event, 'command_outcomes_row_missing', 'Postgres does not have the outcome of its command.');
    next = at.next();
  };
  for await (const row of of('command_outcomes')) {
    const key = outcomeKey(row.command_id, row.asset);
    while (next.done !== true && isBefore(next.value[0], key)) missing();
    if (next.done === true || next.value[0] !== key) {
      add({
        kind: 'command_outcomes_row_extra',
        detail: `Postgres has an outcome of command ${row.command_id}, which no event of the log makes.`,
      });
      continue;
    }
    const event = place();
    if (event !== undefined && next.value[1].digest !== digestOf(outcomeIn(row)))
      tell(event, 'command_outcomes_row_differs', 'Postgres has another outcome of its command than the event states.', {
        found: JSON.stringify(outcomeIn(row)),
      });
    next = at.next();
  }
  while (next.done !== true) missing();
}

const outcomeIn = (row: SnapshotRow<'command_outcomes'>) => ({
  commandHash: row.command_hash,
  scope: row.scope,
  commandType: row.command_type,
  eventId: row.event_id,
  revision: `${row.revision}`,
  position: `${row.position}`,
  status: row.status,
  payload: row.payload,
});

/** Compares everything but the journal, which is compared as the log is read. The fold must be at the snapshot's checkpoint. */
export async function compareWithPostgres(books: Books, snapshot: BooksSnapshot, findings: Findings): Promise<void> {
  for (const comparison of comparisons(books, snapshot)) await compareRows(comparison, findings);
  await compareOutcomes(books, snapshot, findings);
}
