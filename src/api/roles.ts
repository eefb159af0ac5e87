// Who may do what: the one table that checks, documents and tests are read off.
import type { CommandType } from '../domain/commands.ts';

export const ROLES = ['user', 'operator', 'auditor', 'producer'] as const;
export type Role = (typeof ROLES)[number];

/** Who may send a command, over any transport. Users act on their own accounts only. */
export const SENDERS: Readonly<Record<CommandType, readonly Role[]>> = {
  'open-account': ['user', 'operator'],
  deposit: ['user', 'operator', 'producer'],
  withdraw: ['user', 'operator', 'producer'],
  'update-coin': ['user', 'operator'],
  'remove-coin': ['user', 'operator'],
  transfer: ['user', 'operator', 'producer'],
  'place-hold': ['user', 'operator'],
  'capture-hold': ['user', 'operator'],
  'release-hold': ['user', 'operator'],
  'place-order': ['user', 'operator'],
  'fill-order': ['operator', 'producer'],
  'cancel-order': ['user', 'operator'],
  reverse: ['operator'],
  'freeze-account': ['operator'],
  'unfreeze-account': ['operator'],
  'close-account': ['operator'],
  'set-limits': ['operator'],
  'register-asset': ['operator'],
};

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
