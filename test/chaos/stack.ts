// The whole stack as separate processes on the loopback interface: event store, Postgres, RabbitMQ, two ledgers, and the links between.
import { createClient } from '../stack/clients.ts';
import { GUEST } from '../stack/rabbitmq-server.ts';
import type { ToldEvent } from './event-queue.ts';
import { bindEventQueue, takeEvents } from './event-queue.ts';
import type { ChaosLedger } from './ledgers.ts';
import { startChaosLedger } from './ledgers.ts';
import type { Link } from './link.ts';
import { openLink } from './link.ts';
import type { ChaosBroker, StoreServer } from './servers.ts';
import { startChaosBroker, startChaosEventStore, startChaosPostgres } from './servers.ts';

export interface ChaosStack extends AsyncDisposable {
  readonly eventStore: StoreServer;
  readonly postgres: StoreServer;
  /** Absent where the ledgers were started without. */
  readonly broker: ChaosBroker | undefined;
  readonly ledgers: readonly [ChaosLedger, ChaosLedger];
  readonly producerLink: Link;
  /** Where a producer connects, over its link. */
  readonly producerUrl: string;
  /** Every integration event so far, in the order in which a queue of its own has had them; undefined without a broker. */
  toldEvents(): Promise<readonly ToldEvent[] | undefined>;
}

export interface ChaosStackOptions {
  readonly withBroker?: boolean;
  /** Modules that the ledgers load first. */
  readonly preloads?: readonly string[];
  /** Further variables of the ledgers. */
  readonly settings?: Readonly<Record<string, string>>;
}

const SETTINGS = {
  // Whoever falls silent is soon relieved, and doubts are soon told to the client.
  LEDGER_LEASE_SECONDS: '1',
  LEDGER_DOUBT_BUDGET_MS: '1000',
  LEDGER_SCHEDULER_INTERVAL_MS: '100',
  LEDGER_REPLY_WAIT_MS: '1500',
  LEDGER_MAX_REQUESTS: '500',
  LEDGER_LOG_LEVEL: 'error',
};
/** How long they wait for an append, in ms: one that was given up may land late, while the other ledger does the same work. */
const PATIENCE_OF = ['&defaultDeadline=1000', '&defaultDeadline=3000'] as const;

export async function startChaosStack({ withBroker = true, preloads = [], settings = {} }: ChaosStackOptions = {}): Promise<ChaosStack> {
  await using opened = new AsyncDisposableStack();
  const [eventStore, postgres, broker] = await Promise.all([
    startChaosEventStore().then((server) => opened.use(server)),
    startChaosPostgres().then((server) => opened.use(server)),
    withBroker ? startChaosBroker().then((server) => opened.use(server)) : undefined,
  ]);
  if (broker !== undefined) await bindEventQueue(broker.url);
  const servers = { eventStoreUrl: eventStore.url, databaseUrl: postgres.url, amqpUrl: broker?.url };
  const spawn = async (which: 0 | 1): Promise<ChaosLedger> =>
    opened.use(
      await startChaosLedger({ servers, settings: { ...SETTINGS, ...settings }, eventStoreParameters: PATIENCE_OF[which], preloads }),
    );
  const ledgers = await Promise.all([spawn(0), spawn(1)]);
  await createClient(postgres.url, GUEST.name);
  const producerLink = opened.adopt(await openLink(() => Number(new URL(broker?.url ?? 'http://127.0.0.1:1').port)), ({ close }) =>
    close(),
  );
  const producerUrl = new URL(broker?.producerUrl ?? 'amqp://127.0.0.1');
  producerUrl.port = String(producerLink.port);
  const told: ToldEvent[] = [];
  const kept = opened.move();
  let disposing: Promise<void> | undefined;
  return {
    eventStore,
    postgres,
    broker,
    ledgers,
    producerLink,
    producerUrl: producerUrl.href,
    async toldEvents() {
      if (broker === undefined) return undefined;
      await takeEvents(broker.url, (event) => told.push(event));
      return told;
    },
    // Whoever asks again waits for it, too.
    [Symbol.asyncDispose]() {
      disposing ??= kept.disposeAsync();
      return disposing;
    },
  };
}
