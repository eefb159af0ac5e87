// The last part of a command's trace: its event is in the tables, and reads show it.
import type { Spans } from '../commands/spans.ts';
import { isSampled } from '../commands/spans.ts';
import type { ProjectionObserver } from '../projections/projector.ts';

/**
 * A span for every event whose trace is recorded, as long as the transaction that it was written in. It is a part of what the event
 * says it is: the command's handling, or whatever its sender named.
 */
export const traceProjection = (spans: Spans): ProjectionObserver => ({
  applied(events, { startedAtMs, endedAtMs }) {
    for (const { event, stream, metadata, position } of events) {
      const { traceparent } = metadata;
      if (traceparent === undefined || !isSampled(traceparent)) continue;
      const attributes = {
        'ledger.event.type': event.type,
        'ledger.event.stream': stream,
        'ledger.event.position': position.toString(),
        'db.system.name': 'postgresql',
        'db.operation.batch.size': events.length,
      };
      spans.start({ name: `project ${event.type}`, kind: 'internal', parent: traceparent, attributes, startedAtMs }).end({ endedAtMs });
    }
  },
});
