// Opening an account: whose it is and what its id is, where the request does not say.
import type { z } from 'zod';
import type { OpenAccount, OpenAccountBody } from '../domain/commands.ts';
import { openedAccountIdOf } from '../domain/ids.ts';
import { COMMAND_ACCESS, ownerLimitOf } from '../identity/access.ts';
import type { Principal } from '../identity/principal.ts';

/**
 * The command that opens an account. Where the body names none, the principal and the key do, so that a repeat opens the
 * same one. What a user opens is theirs.
 */
export function openingCommand(body: z.output<typeof OpenAccountBody>, key: string, principal: Principal): OpenAccount {
  const ownerId = body.ownerId ?? ownerLimitOf(COMMAND_ACCESS['open-account'], principal);
  return {
    ...body,
    type: 'open-account',
    accountId: body.accountId ?? openedAccountIdOf(principal.uuid, key),
    ...(ownerId === undefined ? {} : { ownerId }),
  };
}
