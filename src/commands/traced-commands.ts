// The spans of command handling: a command from its arrival to its answer, and in it the append that its outcome was part of.
import { scopeOf } from '../domain/commands.ts';
import type { CommandId } from '../domain/ids.ts';
import type { DecidedBatch } from './batch.ts';
import type { CommandAnswer, CommandEnvelope } from './bus.ts';
import { parentOf } from './bus.ts';
import { isWithoutOutcome } from './sequence.ts';
import type { Span, SpanEnd, Spans } from './spans.ts';

/** Begins the span of a command. */
export function handlingSpan(spans: Spans, envelope: CommandEnvelope, commandId: CommandId): Span {
  const { command } = envelope;
  return spans.start({
    name: `handle ${command.type}`,
    kind: 'internal',
    parent: parentOf(envelope),
    attributes: { 'ledger.command.type': command.type, 'ledger.command.id': commandId, 'ledger.account.id': scopeOf(command) },
  });
}

/** How a command's span ends. */
export function endOf(answer: CommandAnswer): SpanEnd {
  const outcome = answer.status === 'rejected' ? answer.rejection.code : answer.status;
  return {
    attributes: { 'ledger.command.outcome': outcome, 'ledger.command.hit': answer.hit },
    ...(isWithoutOutcome(answer) && { failure: outcome }),
  };
}

/** Begins a span of the append for each command that has an event in it: it is a part of every one of their traces. */
export const appendSpans = (spans: Spans, { steps, events }: DecidedBatch): readonly Span[] =>
  steps.flatMap(({ kind, pending }) =>
    kind === 'event' && pending.span
      ? [
          spans.start({
            name: 'append',
            kind: 'client',
            parent: pending.span.traceparent,
            attributes: { 'db.system.name': 'eventstoredb', 'db.operation.name': 'append', 'db.operation.batch.size': events.length },
          }),
        ]
      : [],
  );
