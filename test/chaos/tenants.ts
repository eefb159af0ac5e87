// Who has the work that one process does at a time: of two projectors, transfer managers and so on, one works and one stands by.
import { withDatabase } from '../scenarios/audit/tables.ts';
import type { ChaosStack } from './stack.ts';

const TENANTS = `
  SELECT 'projector' AS work, owner FROM checkpoint UNION ALL
  SELECT name, owner FROM leases WHERE name IN ('transfer-manager', 'scheduler', 'event-publisher')`;

/** Work that went from one ledger to the other: as the projector's, or the transfer manager's. */
export const takeoverName = (work: string): string => `two of them: ${work} taken over`;
export const WORKS = ['projector', 'transfer-manager', 'scheduler', 'event-publisher'] as const;

/** Which ledger has each work, by work; one that was started again is the same. Absent: nobody has it. */
export type Tenants = ReadonlyMap<string, number>;

export async function tenantsOf({ postgres, ledgers }: Pick<ChaosStack, 'postgres' | 'ledgers'>): Promise<Tenants> {
  const { rows } = await withDatabase(postgres.url, (client) => client.query<{ work: string; owner: string | null }>(TENANTS));
  return new Map(
    rows.flatMap(({ work, owner }): [string, number][] => {
      const pid = pidOf(owner);
      const ledger = ledgers.findIndex(({ wasProcess }) => wasProcess(pid));
      return ledger === -1 ? [] : [[work, ledger]];
    }),
  );
}

/** An owner is the host, the process, and what is its own at every start. */
const pidOf = (owner: string | null): number => Number(owner?.split('/')[1]);

/** The works that the other ledger has now. */
export const takeovers = (before: Tenants, after: Tenants): readonly string[] =>
  WORKS.filter((work) => {
    const [one, other] = [before.get(work), after.get(work)];
    return one !== undefined && other !== undefined && one !== other;
  });
