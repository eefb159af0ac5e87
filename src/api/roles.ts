// Who may do what over HTTP: what checks, documents and tests are read off. Who may send which command: src/commands/senders.ts.
import type { Role } from '../identity/roles.ts';
import { ROLES } from '../identity/roles.ts';

/** Who may send commands in bulk; each command is then judged by the table above. */
export const BULK_SENDERS: readonly Role[] = ['user', 'operator', 'producer'];

/** Who may read. Users see their own accounts only. */
export const READERS = {
  /** An account and what belongs to it. */
  accounts: ['user', 'operator', 'auditor'],
  /** The outcome of a command: whoever could have sent it. */
  outcomes: ROLES,
  /** What is the same for everybody. */
  catalogue: ROLES,
  /** The whole of the ledger in figures. */
  statistics: ROLES,
} as const satisfies Record<string, readonly Role[]>;
