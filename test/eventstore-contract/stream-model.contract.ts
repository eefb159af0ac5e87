import { StreamDeletedError, WrongExpectedVersionError } from '@eventstore/db-client';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { waitFor } from '../stack/waiting.ts';
import { byAppend, byBatchAppend } from './harness/appenders.ts';
import { client } from './harness/connection.ts';
import { makeOracle, type Oracle } from './harness/oracle.ts';
import { type Command, idsFor, program, resolve } from './harness/programs.ts';
import { collect, event, nth, recorded, uniqueStream } from './harness/streams.ts';

/** Runs one command against the server and the oracle, and compares the answers. */
async function step(stream: string, command: Command, oracle: Oracle): Promise<void> {
  switch (command.do) {
    case 'append': {
      const ids = idsFor(command, oracle);
      if (isAmbiguous(ids, oracle)) return;
      const expected = resolve(command.expecting, oracle, ids[0]);
      const append = command.by === 'Append' ? byAppend : byBatchAppend;
      const outcome = await append(
        stream,
        ids.map((id) => ({ ...event(), id })),
        expected,
      );
      expect(outcome).toMatchObject(oracle.append(expected, ids));
      return;
    }
    case 'soft-delete': {
      const expected = resolve(command.expecting, oracle, undefined);
      if (expected === 'stream_exists') return;
      const answer = await outcomeOf(client.deleteStream(stream, { expectedRevision: expected }));
      expect(answer).toEqual(withoutRevisions(oracle.softDelete(expected)));
      return;
    }
    case 'tombstone': {
      const expected = resolve(command.expecting, oracle, undefined);
      if (expected === 'stream_exists') return;
      const answer = await outcomeOf(client.tombstoneStream(stream, { expectedRevision: expected }));
      expect(answer).toEqual(withoutRevisions(oracle.tombstone(expected)));
      return;
    }
    case 'set-metadata': {
      if (oracle.isSoftDeleted()) return;
      const answer = await outcomeOf(client.setStreamMetadata(stream, command.metadata));
      expect(answer).toEqual(oracle.setMetadata(command.metadata).result === 'written' ? 'done' : 'stream-deleted');
      return;
    }
  }
}

/** An id that the stream holds twice: which of the two a repetition finds is not promised. */
function isAmbiguous(ids: string[], oracle: Oracle): boolean {
  const known = oracle.ids();
  return new Set(ids).size < ids.length || ids.some((id) => known.indexOf(id) !== known.lastIndexOf(id));
}

function withoutRevisions(verdict: ReturnType<Oracle['tombstone']>): string {
  return verdict === 'done' ? 'done' : verdict.result;
}

async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'done';
  } catch (error) {
    if (error instanceof WrongExpectedVersionError) return 'wrong-expected-version';
    if (error instanceof StreamDeletedError) return 'stream-deleted';
    throw error;
  }
}

/** What a read of the stream yields, in one form for every end. */
async function reading(stream: string): Promise<string[]> {
  try {
    return (await collect(client.readStream(stream))).map((resolved) => `${recorded(resolved).revision}:${recorded(resolved).id}`);
  } catch (error) {
    if (error instanceof Error && 'type' in error) return [String(error.type)];
    throw error;
  }
}

function expectedReading(oracle: Oracle): string[] {
  if (oracle.isTombstoned()) return ['stream-deleted'];
  if (oracle.isSoftDeleted() || oracle.ids().length === 0) return ['stream-not-found'];
  return oracle.ids().flatMap((id, revision) => (oracle.isVisible(revision) ? [`${revision}:${id}`] : []));
}

test('random lives of a stream follow the rules of revisions, idempotency, truncation and deletion', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (commands) => {
      const stream = uniqueStream('model');
      const oracle = makeOracle();
      for (const command of commands) await step(stream, command, oracle);
      await waitFor(async () => expect(await reading(stream)).toEqual(expectedReading(oracle)));
      if (oracle.isTombstoned() || oracle.metadataRevision() < 0) return;
      const metadata = await collect(client.readStream(`$$${stream}`));
      expect(recorded(nth(metadata, -1)).revision).toBe(BigInt(oracle.metadataRevision()));
    }),
    { numRuns: 150 },
  );
});
