// Permissions that depend on what is asked for, not only on the route: who may send this command with these fields.
import type { CommandType } from '../domain/commands.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import { accessRefusal, COMMAND_ACCESS } from '../identity/access.ts';
import type { Principal } from '../identity/principal.ts';

export interface PermissionSettings {
  /** Whether users may credit themselves (deposit, add to a coin). */
  readonly selfDeposit: boolean;
}

/**
 * Why the principal may not send that command, or undefined where they may. Judged on the body as it came, before its
 * shape: whoever may not do a thing learns nothing about how it is done.
 */
export function sendingRefusal(
  principal: Principal,
  type: CommandType,
  body: unknown,
  settings: PermissionSettings,
): Rejection | undefined {
  const access = COMMAND_ACCESS[type];
  const byRole = accessRefusal(access, principal.role);
  // What follows is about whoever acts on what is their own.
  if (byRole || access[principal.role] !== 'own') return byRole;
  const fields: Readonly<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  if (fields['effectiveAt'] !== undefined)
    return rejection('forbidden', 'Users may not date anything back: effectiveAt is not theirs to say.');
  if (type === 'open-account') return openingRefusal(principal, fields);
  if (!settings.selfDeposit && isCredit(type, fields)) return rejection('forbidden', 'Users may not credit their own accounts here.');
  return undefined;
}

function openingRefusal(principal: Principal, fields: Readonly<Record<string, unknown>>): Rejection | undefined {
  if (fields['accountId'] !== undefined) return rejection('forbidden', 'Users may not choose the id of an account.');
  const ownerId = fields['ownerId'];
  const isTheirs = ownerId === undefined || (typeof ownerId === 'string' && ownerId.toLowerCase() === principal.uuid);
  return isTheirs ? undefined : rejection('forbidden', 'Users may open accounts for themselves only.');
}

function isCredit(type: CommandType, fields: Readonly<Record<string, unknown>>): boolean {
  if (type === 'deposit') return true;
  const quantity = fields['quantity'];
  return type === 'update-coin' && typeof quantity === 'string' && !quantity.startsWith('-');
}
