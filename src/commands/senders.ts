// Who may send which command, over any transport: the one table that checks, documents and tests are read off.
import type { CommandType } from '../domain/commands.ts';
import type { Role } from '../identity/roles.ts';

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
