// One entry of a bulk request: read in the order of checks of a request of its own (who may send it, its shape, its key).
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ClientCommand } from '../domain/commands.ts';
import { AccountCommandSchema, COMMANDS, OpenAccountBody } from '../domain/commands.ts';
import { AccountIdSchema } from '../domain/ids.ts';
import type { Principal } from '../identity/principal.ts';
import { openingCommand } from './opening.ts';
import type { PermissionSettings } from './permissions.ts';
import { sendingRefusal } from './permissions.ts';
import type { Refusal } from './problems.ts';
import { refusal } from './problems.ts';
import { keyFault } from './request-headers.ts';
import { bodyRefusal } from './request-shape.ts';

type BulkType = keyof typeof COMMANDS;
const TYPES = Object.keys(COMMANDS) as [BulkType, ...BulkType[]];

/** What the document says of an entry. */
export const BulkEntry = z
  .looseObject({
    key: z
      .string()
      .optional()
      .meta({ description: 'Its idempotency key; only a dry run needs none.', examples: ['payroll-2026-01-0001'] }),
    type: z.enum(TYPES),
    accountId: AccountIdSchema.optional().meta({ description: 'Without it, `open-account` makes the id from who asks and the key.' }),
  })
  .meta({ id: 'BulkEntry', description: 'A command: its key, its type, the account, and the fields that its own route takes.' });
const Typed = z.looseObject({ type: z.enum(TYPES) });

export interface BulkSender {
  readonly principal: Principal;
  readonly permissions: PermissionSettings;
  readonly isDryRun: boolean;
}
export type ReadEntry = { readonly command: ClientCommand; readonly key: string } | { readonly refused: Refusal };

/** Reads the entry at that place of `commands`; what is wrong with it is said with pointers into the whole body. */
export function readEntry(entry: unknown, index: number, { principal, permissions, isDryRun }: BulkSender): ReadEntry {
  const at = ['commands', index];
  const typed = Typed.safeParse(entry);
  if (!typed.success) return { refused: bodyRefusal(Typed, entry, typed.error.issues, at) };
  const { type, key, ...fields } = typed.data;
  const forbidden = sendingRefusal(principal, type, fields, permissions);
  if (forbidden) return { refused: forbidden };
  const usedKey = key === undefined && isDryRun ? randomUUID() : key;
  const keyRefusal = refusalOfKey(usedKey, index);
  const parsed = type === 'open-account' ? OpenAccountBody.safeParse(fields) : AccountCommandSchema.safeParse({ type, ...fields });
  if (!parsed.success) return { refused: bodyRefusal(COMMANDS[type], fields, parsed.error.issues, at) };
  if (keyRefusal !== undefined || typeof usedKey !== 'string') return { refused: keyRefusal ?? missingKey };
  return { key: usedKey, command: 'type' in parsed.data ? parsed.data : openingCommand(parsed.data, usedKey, principal) };
}

const missingKey = refusal('idempotency_key_missing', 'Every command of a bulk request needs a `key` of its own.');

function refusalOfKey(key: unknown, index: number): Refusal | undefined {
  if (key === undefined || key === '') return missingKey;
  const fault = keyFault(key);
  if (fault === undefined) return undefined;
  return refusal('malformed_request', fault, {}, [{ pointer: `#/commands/${index}/key`, detail: fault }]);
}
