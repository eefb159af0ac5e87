// Carries the plan of a seed out, and says of each fault whether it really struck.
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNever } from '../../src/domain/assert-never.ts';
import { deliverAgain } from './deliveries.ts';
import type { FaultKind, LinkName, PlannedFault, ServerName } from './fault-kinds.ts';
import { nameOfFault } from './fault-kinds.ts';
import { isPostgresFull, isStoreFull } from './full-disks.ts';
import type { Recorder } from './history.ts';
import type { Link, LinkFault } from './link.ts';
import { NotRevived } from './not-revived.ts';
import { rebuildAndSwap } from './rebuild.ts';
import type { ChaosStack } from './stack.ts';

export interface Struck {
  readonly name: string;
  readonly struck: boolean;
}

interface Killable {
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): boolean;
  revive(withinMs: number): Promise<void>;
}

const LONGER_MS = 4_000;
/** Longer than any fault lasts, and than a start takes on a busy machine. What has not come back by then has to once all faults are over. */
const COMES_BACK_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * Runs them all, each at its time. Resolves when all are over, and what was killed is started again.
 * @param tell told when one begins and ends.
 */
export async function runNemesis(
  stack: ChaosStack,
  plan: readonly PlannedFault[],
  recorder: Recorder,
  tell: (message: string) => void,
): Promise<readonly Struck[]> {
  const striking = plan.map(async (planned) => {
    await sleep(planned.atMs);
    const name = nameOfFault(planned.fault);
    tell(`${name} begins, for ${planned.forMs} ms at ledger ${planned.ledger}`);
    const struck = await strike(stack, planned, recorder);
    tell(`${name} is over, and ${struck ? 'struck' : 'did not strike'}`);
    return { name, struck };
  });
  await Promise.allSettled(striking); // one that throws leaves no other behind
  return Promise.all(striking);
}

function strike(stack: ChaosStack, planned: PlannedFault, recorder: Recorder): Promise<boolean> {
  const { fault } = planned;
  switch (fault.kind) {
    case 'kill':
      return kill(serverOf(stack, fault.server, planned), planned);
    case 'stop':
      return stop(serverOf(stack, fault.server, planned), planned);
    case 'link':
      return breakLink(linkOf(stack, fault.link, planned), linkFaultOf(fault, planned), planned);
    case 'lost answer of an append':
      // Metadata of events goes one way only.
      return breakLink(stack.ledgers[planned.ledger].links.eventStore, { kind: 'lost-answer', request: '"commandHash"' }, planned);
    case 'full disk':
      return fillDisk(stack, fault.server, planned);
    case 'message delivered twice':
      return deliverAgain(stack, recorder, planned, 0);
    case 'message delivered late':
      return deliverAgain(stack, recorder, planned, planned.forMs);
    case 'clock jumps':
      return shiftClocks(stack, planned, [jumpOf(planned)]);
    case 'clocks disagree':
      return shiftClocks(stack, planned, [jumpOf(planned), -jumpOf(planned)]);
    case 'rebuild and swap':
      return rebuildAndSwap(stack);
    default:
      return assertNever(fault);
  }
}

function serverOf(
  { eventStore, postgres, broker, ledgers }: ChaosStack,
  server: ServerName,
  { ledger }: PlannedFault,
): Killable | undefined {
  switch (server) {
    case 'event store':
      return eventStore;
    case 'Postgres':
      return postgres;
    case 'RabbitMQ':
      return broker;
    case 'ledger':
      return ledgers[ledger];
    default:
      return assertNever(server);
  }
}

function linkOf({ ledgers, producerLink }: ChaosStack, link: LinkName, { ledger }: PlannedFault): Link {
  const { links } = ledgers[ledger];
  switch (link) {
    case 'client - ledger':
      return links.client;
    case 'ledger - event store':
      return links.eventStore;
    case 'ledger - Postgres':
      return links.postgres;
    case 'ledger - RabbitMQ':
      return links.broker;
    case 'producer - RabbitMQ':
      return producerLink;
    default:
      return assertNever(link);
  }
}

function linkFaultOf({ fault }: Extract<FaultKind, { readonly kind: 'link' }>, { chance }: PlannedFault): LinkFault {
  const direction = chance.percent(50) ? 'there' : 'back';
  switch (fault) {
    case 'delayed':
      return { kind: 'delay', delayMs: 20 + chance.below(400) };
    case 'cut':
      return { kind: 'cut' };
    case 'half-open':
      return { kind: 'half-open', direction };
    case 'cut inside a message':
      return { kind: 'cut-inside', direction, afterBytes: 1 + chance.below(3_000) };
    default:
      return assertNever(fault);
  }
}

async function kill(server: Killable | undefined, { forMs }: PlannedFault): Promise<boolean> {
  if (server === undefined || !server.signal('SIGKILL')) return false;
  await sleep(forMs);
  await comeBack(server);
  return true;
}

async function comeBack({ revive }: Pick<Killable, 'revive'>): Promise<void> {
  try {
    await revive(COMES_BACK_MS);
  } catch (error) {
    if (!(error instanceof NotRevived)) throw error;
  }
}

async function stop(server: Killable | undefined, { forMs }: PlannedFault): Promise<boolean> {
  if (server === undefined || !server.signal('SIGSTOP')) return false;
  await sleep(forMs);
  return server.signal('SIGCONT');
}

async function breakLink(link: Link, fault: LinkFault, { forMs }: PlannedFault): Promise<boolean> {
  const broken = link.break(fault);
  await sleep(forMs);
  // Where nothing went over the link meanwhile, there was nothing to be broken yet.
  for (const until = performance.now() + LONGER_MS; broken.strikes() === 0 && performance.now() < until; ) await sleep(20);
  broken.mend();
  return broken.strikes() > 0;
}

async function fillDisk(stack: ChaosStack, server: 'event store' | 'Postgres', { forMs }: PlannedFault): Promise<boolean> {
  const { disk, url, revive } = server === 'event store' ? stack.eventStore : stack.postgres;
  if (!disk.isFillable) return false;
  disk.fill();
  const isFull = await (server === 'event store' ? isStoreFull(url) : isPostgresFull(url));
  await sleep(forMs);
  disk.free();
  await comeBack({ revive }); // a Postgres that cannot write its log ends
  return isFull;
}

/** From a little, which is to do no harm, to hours; there and back again. */
const jumpOf = ({ chance }: PlannedFault): number => chance.pick([1_500, 10_000, HOUR_MS, -10_000, -HOUR_MS]);

async function shiftClocks({ ledgers }: ChaosStack, { ledger, forMs }: PlannedFault, jumpsMs: readonly number[]): Promise<boolean> {
  const shifted = await Promise.all(jumpsMs.map((aheadMs, n) => ledgers[n === 0 ? ledger : ledger === 0 ? 1 : 0].setClock(aheadMs)));
  await sleep(forMs);
  await Promise.all(ledgers.map((one) => one.setClock(0)));
  return shifted.every((is) => is);
}
