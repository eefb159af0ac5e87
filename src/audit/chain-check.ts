// The log held against the checkpoints, event by event. Between two checkpoints the chain says that something is not as it was
// signed, not what; after such a stretch it is taken up again from what was signed, so that every stretch is judged by itself.
import type { EventPlace } from '../eventstore/errors.ts';
import type { LogRecord } from '../eventstore/log.ts';
import type { ChainState } from './chain.ts';
import { EMPTY_CHAIN, nextHash } from './chain.ts';
import type { Checkpoint } from './chain-checkpoint.ts';
import { chainAt } from './chain-checkpoint.ts';
import type { Finding } from './findings.ts';
import { findingAt } from './findings.ts';

export interface ChainCheck {
  /** Takes the next record, in log order. @returns what the checkpoints signed there say against the log; undefined where nothing. */
  add(record: LogRecord): Finding | undefined;
  /** Where the chain is: for going on from here later. */
  state(): ChainState;
  /** What can be said once the log has ended. */
  end(): ChainVerdict;
}

export interface ChainVerdict {
  /** Of the chain: those that were added, and those it began with. */
  readonly events: bigint;
  /** Those up to the last checkpoint that the log bears out, all before it being borne out, too. */
  readonly proven: bigint;
  /** The checkpoint that proves them. */
  readonly provenBy: Checkpoint | undefined;
  /** Everything that was returned by `add`, and the checkpoints whose event the log does not have. */
  readonly findings: readonly Finding[];
}

/**
 * Holds the records after `from` against those checkpoints, which are signed and stand (see chain-series.ts). What `from` has
 * behind it is taken to be held against them already.
 */
export function makeChainCheck(checkpoints: readonly Checkpoint[], from: ChainState = EMPTY_CHAIN): ChainCheck {
  const awaited = new Map<string, Checkpoint[]>();
  let provenBy: Checkpoint | undefined;
  for (const checkpoint of checkpoints) {
    if (BigInt(checkpoint.events) <= from.events) provenBy = checkpoint;
    else awaited.set(checkpoint.eventId, [...(awaited.get(checkpoint.eventId) ?? []), checkpoint]);
  }
  const findings: Finding[] = [];
  let { events, hash } = from;
  let count = from.events;
  /** Of the stretch since the last checkpoint. */
  let first: EventPlace | undefined;

  function compare(checkpoint: Checkpoint, at: EventPlace): Finding | undefined {
    const signed = chainAt(checkpoint);
    if (signed.events === events && signed.hash === hash) {
      if (findings.length === 0) provenBy = checkpoint;
      return undefined;
    }
    const finding = findingAt(at, { kind: 'chain_broken', ...differenceOf(checkpoint, signed, { events, hash }, first ?? at) });
    ({ events, hash } = signed);
    findings.push(finding);
    return finding;
  }

  return {
    add: (record) => {
      hash = nextHash(hash, record);
      events += 1n;
      count += 1n;
      first ??= record;
      const met = awaited.get(record.eventId);
      if (met === undefined) return undefined;
      awaited.delete(record.eventId);
      let worst: Finding | undefined;
      for (const checkpoint of met) worst = compare(checkpoint, record) ?? worst;
      first = undefined;
      return worst;
    },
    state: () => ({ events, hash }),
    end: () => ({
      events: count,
      proven: provenBy === undefined ? 0n : BigInt(provenBy.events),
      provenBy,
      findings: [...findings, ...[...awaited.values()].flat().map(lostEvent)],
    }),
  };
}

function differenceOf(
  { signedAt }: Checkpoint,
  signed: ChainState,
  found: ChainState,
  first: EventPlace,
): Pick<Finding, 'detail' | 'expected' | 'found'> {
  const stretch = `From ${first.stream}@${first.revision} (position ${first.position}) up to here the log is not as it was signed at ${signedAt}`;
  const difference = found.events - signed.events;
  if (difference < 0n) return { detail: `${stretch}: events were taken out.`, ...counts(signed, found) };
  if (difference > 0n) return { detail: `${stretch}: events were put in.`, ...counts(signed, found) };
  return {
    detail: `${stretch}: an event was changed, or events changed places.`,
    expected: `hash ${signed.hash}`,
    found: `hash ${found.hash}`,
  };
}

const counts = (signed: ChainState, found: ChainState) => ({ expected: `${signed.events} events`, found: `${found.events} events` });

const lostEvent = ({ eventId, events, position, signedAt }: Checkpoint): Finding => ({
  kind: 'signed_event_missing',
  detail: `Event ${eventId}, which was signed at ${signedAt} as event ${events} of the log at position ${position}, is not in the log.`,
});
