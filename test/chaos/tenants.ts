// Who has the work that one process does at a time: of two projectors, transfer managers and so on, one works and one stands by.
import { withDatabase } from '../scenarios/audit/tables.ts';

const TENANTS = `
  SELECT 'projector' AS work, owner FROM checkpoint UNION ALL
  SELECT name, owner FROM leases WHERE name IN ('transfer-manager', 'scheduler', 'event-publisher')`;

/** Work that went from one process to the other: as the projector's, or the transfer manager's. */
export const takeoverName = (work: string): string => `two of them: ${work} taken over`;
export const WORKS = ['projector', 'transfer-manager', 'scheduler', 'event-publisher'] as const;

/** The process that has each work, by work. */
export function tenantsOf(databaseUrl: string): Promise<ReadonlyMap<string, string | null>> {
  return withDatabase(databaseUrl, async (client) => {
    const { rows } = await client.query<{ work: string; owner: string | null }>(TENANTS);
    return new Map(rows.map(({ work, owner }) => [work, owner]));
  });
}

/** The works that another process has now. */
export const takeovers = (before: ReadonlyMap<string, string | null>, after: ReadonlyMap<string, string | null>): readonly string[] =>
  WORKS.filter((work) => before.get(work) !== after.get(work));
