// The whole check: the log folded from its beginning, held against its signed checkpoints and against what Postgres has.
import type { RecordedEvent } from '../../domain/events.ts';
import type { EventStore } from '../../eventstore/client.ts';
import { UnreadableEvent } from '../../eventstore/errors.ts';
import type { LogRecord } from '../../eventstore/log.ts';
import type { LedgerDb } from '../../postgres/pool.ts';
import type { BooksSnapshot } from '../../projections/books-snapshot.ts';
import { withBooksSnapshot } from '../../projections/books-snapshot.ts';
import { makeChainCheck } from '../chain-check.ts';
import type { ChainReport, Trusted } from '../chain-ledger.ts';
import { ledgerSeries, reportOf } from '../chain-ledger.ts';
import type { Finding } from '../findings.ts';
import type { ReadOptions } from '../read-log.ts';
import { decodeRecord, readLog } from '../read-log.ts';
import { compareWithPostgres } from './compare.ts';
import { makeFold } from './fold.ts';
import { makeJournalCheck } from './journal.ts';
import type { Findings } from './observation.ts';
import { makeFindings } from './observation.ts';
import { openPapers } from './papers.ts';

export interface VerifyOptions extends Pick<ReadOptions, 'onProgress'> {
  readonly db: LedgerDb;
  readonly store: Pick<EventStore, 'log' | 'annulments'>;
  readonly trusted?: Trusted | undefined;
}

export interface VerifyReport {
  readonly events: bigint;
  /** Up to where the tables went that were compared with the log; -1n where they were empty. */
  readonly comparedAt: bigint;
  readonly chain: Omit<ChainReport, 'findings'>;
  /** The first thousand, in the order in which they came to light; `count` is how many there were. */
  readonly findings: readonly Finding[];
  readonly count: number;
}

/**
 * Checks everything that can be: see docs/audit.md. Works beside the running service: what is written meanwhile is left for the next
 * time, and the tables are compared as they were when it began. Memory is flat; the fold's state is in a temporary file.
 * @throws StoreUnavailable; the database's error
 */
export async function verifyBooks({ db, store, trusted, onProgress }: VerifyOptions): Promise<VerifyReport> {
  const series = await ledgerSeries(db, trusted);
  const chain = makeChainCheck(series.standing);
  const findings = makeFindings();
  const papers = openPapers();
  try {
    const comparedAt = await withBooksSnapshot(db, async (snapshot) => {
      const fold = makeFold(papers, findings);
      const tables = makeTablesCheck(snapshot, findings);
      await store.annulments.load();
      for await (const batch of readLog(store, { onProgress })) {
        for (const record of batch) {
          chain.add(record);
          if (tables.isBehind(record)) await tables.compare(fold.books);
          let says = decodeRecord(store, record);
          if (says instanceof UnreadableEvent) says = await decodedAnew(store, record);
          const booked = fold.follow(record, says);
          if (tables.isAt(record)) tables.meet(record);
          if (booked !== undefined) await tables.follow(booked);
        }
      }
      await tables.compare(fold.books);
      fold.checkWhole();
      return snapshot.checkpoint.position;
    });
    const { findings: broken, ...report } = reportOf(series, chain.end());
    for (const finding of broken) findings.add(finding);
    return { events: report.events, comparedAt, chain: report, findings: findings.list, count: findings.count() };
  } finally {
    papers.close();
  }
}

/** It may have been annulled since the annulments were loaded. */
async function decodedAnew(store: Pick<EventStore, 'annulments'>, record: LogRecord): Promise<RecordedEvent | UnreadableEvent | undefined> {
  await store.annulments.load();
  return decodeRecord(store, record);
}

/** The tables, held against the fold: the journal as the log is read, the others once, where the fold is as far as they are. */
function makeTablesCheck(snapshot: BooksSnapshot, findings: Findings) {
  const { position, eventId } = snapshot.checkpoint;
  const journal = makeJournalCheck(snapshot, findings);
  let isCompared = false;
  let isMet = eventId === undefined;

  return {
    /** Whether the tables end before that record, and were not compared yet. */
    isBehind: (record: LogRecord): boolean => !isCompared && record.position > position,
    isAt: (record: LogRecord): boolean => record.position === position,
    meet: (record: LogRecord): void => {
      isMet = record.eventId === eventId;
    },
    follow: async (booked: Parameters<typeof journal.compare>[0]): Promise<void> => {
      if (!isCompared) await journal.compare(booked);
    },
    compare: async (books: Parameters<typeof compareWithPostgres>[0]): Promise<void> => {
      if (isCompared) return;
      isCompared = true;
      if (!isMet)
        findings.add({
          kind: 'checkpoint_mismatch',
          detail: `The tables go up to event ${eventId} at position ${position}, which the log does not have there.`,
        });
      await journal.end();
      await compareWithPostgres(books, snapshot, findings);
    },
  };
}
