// Readiness: whether this process should be given requests, check by check, with what an operator needs to know.
import type { HealthCheck, Readiness } from '../api/routes/health.ts';
import type { TransferManagerStatus } from '../commands/transfer-manager.ts';
import type { EventPublisherStatus } from '../consumers/event-publisher.ts';
import type { Rejection } from '../domain/rejections.ts';
import type { LagReport, LagWatch } from '../projections/lag-watch.ts';
import type { ProjectorStatus } from '../projections/projector.ts';
import type { BrokerStatus } from '../rabbitmq/broker.ts';

export interface ReadinessSources {
  readonly lag: Pick<LagWatch, 'look'>;
  /** Absent in a process that does not project. */
  readonly projector?: () => ProjectorStatus;
  /** Absent in a process that does not follow transfers. */
  readonly transferManager?: () => TransferManagerStatus;
  /** Absent where there is no broker. */
  readonly broker?: () => BrokerStatus;
  /** Absent in a process that does not publish integration events. */
  readonly publisher?: () => EventPublisherStatus;
  /** The refusal that the clock guard would give now. Absent in a process that takes no commands. */
  readonly clock?: () => Rejection | undefined;
  readonly maxLagEvents: bigint;
}

export function makeReadiness({
  lag,
  projector,
  transferManager,
  broker,
  publisher,
  clock,
  maxLagEvents,
}: ReadinessSources): () => Promise<Readiness> {
  return async () => {
    const report = await lag.look();
    const late = clock?.();
    const checks: Record<string, HealthCheck> = {
      eventStore: reachable(report.eventStoreError),
      postgres: reachable(report.databaseError),
      projector: projectorCheck(report, projector?.()),
      ...(transferManager && { transferManager: transferManagerCheck(transferManager()) }),
      ...(broker && { broker: brokerCheck(broker()) }),
      ...(publisher && { publisher: publisherCheck(publisher()) }),
      lag: { ok: report.events <= maxLagEvents, detail: `${report.events} events` },
      ...(clock && { clock: late ? { ok: false, detail: late.detail } : { ok: true } }),
    };
    return { ready: Object.values(checks).every(({ ok }) => ok), checks };
  };
}

const reachable = (error: Error | undefined): HealthCheck => (error ? { ok: false, detail: error.message } : { ok: true });

/** A halt or a refusal anywhere counts everywhere: reads are at the same standstill in every process. */
function projectorCheck({ halt, refusal }: LagReport, status: ProjectorStatus | undefined): HealthCheck {
  const halted = status?.halted ?? halt;
  if (halted) {
    const { stream, revision, position, eventId, reason } = halted;
    return { ok: false, detail: `halted at ${stream}@${revision} (position ${position}, event ${eventId}): ${reason}` };
  }
  const refused = refusal ?? (status?.state === 'refused' ? status.refusal : undefined);
  if (refused) return { ok: false, detail: refused.message };
  return { ok: true, ...(status && { detail: status.state }) };
}

/** Money would stay in transit: a manager that refuses to run is told of like a projector that does. */
const transferManagerCheck = ({ state, refusal, underWay }: TransferManagerStatus): HealthCheck =>
  state === 'refused'
    ? { ok: false, detail: refusal?.message ?? 'refuses to run' }
    : { ok: true, detail: `${state}, ${underWay} transfers under way` };

const brokerCheck = ({ isUsable, isConsumable, trouble }: BrokerStatus): HealthCheck => ({
  ok: isUsable && isConsumable,
  ...(trouble !== undefined && { detail: trouble }),
});

/** A publisher that refuses to run leaves others without the news. One that waits at an event does so with the projector, which says why. */
const publisherCheck = ({ state, refusal, waitingAt }: EventPublisherStatus): HealthCheck =>
  state === 'refused'
    ? { ok: false, detail: refusal?.message ?? 'refuses to run' }
    : { ok: true, detail: waitingAt ? `waits at ${waitingAt.stream}@${waitingAt.revision}` : state };
