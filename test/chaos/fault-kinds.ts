// Every kind of fault, and which of them a seed brings when: a function of the seed alone.
import type { Chance } from '../../packages/load/src/chance.ts';
import { makeChance } from '../../packages/load/src/chance.ts';

const SERVERS = ['event store', 'Postgres', 'RabbitMQ', 'ledger'] as const;
export type ServerName = (typeof SERVERS)[number];
const LINKS = ['client - ledger', 'ledger - event store', 'ledger - Postgres', 'ledger - RabbitMQ', 'producer - RabbitMQ'] as const;
export type LinkName = (typeof LINKS)[number];
const LINK_FAULTS = ['delayed', 'cut', 'half-open', 'cut inside a message'] as const;

export type FaultKind =
  | { readonly kind: 'kill' | 'stop'; readonly server: ServerName }
  | { readonly kind: 'link'; readonly fault: (typeof LINK_FAULTS)[number]; readonly link: LinkName }
  | { readonly kind: 'full disk'; readonly server: 'event store' | 'Postgres' }
  | { readonly kind: 'lost answer of an append' | 'message delivered twice' | 'message delivered late' }
  | { readonly kind: 'clock jumps' | 'clocks disagree' }
  | { readonly kind: 'rebuild and swap' };

/** A fault of a seed: its kind, when it begins and how long it lasts, in ms; and a chance of its own for the rest. */
export interface PlannedFault {
  readonly fault: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Which ledger, where there is a choice. */
  readonly ledger: 0 | 1;
  readonly chance: Chance;
}

export const FAULT_KINDS: readonly FaultKind[] = [
  ...SERVERS.flatMap((server) => [{ kind: 'kill', server } as const, { kind: 'stop', server } as const]),
  ...LINKS.flatMap((link) => LINK_FAULTS.map((fault) => ({ kind: 'link', fault, link }) as const)),
  { kind: 'full disk', server: 'event store' },
  { kind: 'full disk', server: 'Postgres' },
  { kind: 'lost answer of an append' },
  { kind: 'message delivered twice' },
  { kind: 'message delivered late' },
  { kind: 'clock jumps' },
  { kind: 'clocks disagree' },
  { kind: 'rebuild and swap' },
];

export function nameOfFault(fault: FaultKind): string {
  if (fault.kind === 'link') return `${fault.link}: ${fault.fault}`;
  const what = { kill: 'kill -9', stop: 'SIGSTOP', 'full disk': 'full disk' };
  return 'server' in fault ? `${fault.server}: ${what[fault.kind]}` : fault.kind;
}

/** So many seeds bring every kind once. */
export const SEEDS_A_ROUND = 6;
const A_SEED = FAULT_KINDS.length / SEEDS_A_ROUND;
const SHORTEST_MS = 400;
const LONGEST_MS = 1_800;

/** @param seconds for how long clients work: all faults begin in the first two thirds of it. */
export function planOf(seed: number, seconds: number): readonly PlannedFault[] {
  const round = Math.floor(seed / SEEDS_A_ROUND);
  const kinds = makeChance(`round ${round}`).shuffled(FAULT_KINDS);
  const chance = makeChance(`faults of ${seed}`);
  const first = (seed - round * SEEDS_A_ROUND) * A_SEED;
  return kinds
    .slice(first, first + A_SEED)
    .map((fault, n) => ({
      fault,
      atMs: 200 + chance.below((seconds * 1_000 * 2) / 3),
      forMs: SHORTEST_MS + chance.below(LONGEST_MS - SHORTEST_MS),
      ledger: chance.below(2) === 0 ? (0 as const) : (1 as const),
      chance: makeChance(`fault ${n} of ${seed}`),
    }))
    .sort((one, other) => one.atMs - other.atMs);
}
