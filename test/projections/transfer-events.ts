// The events of one transfer, as its two streams would hold them.
import { randomUUID } from 'node:crypto';
import type { ReturnReason, StoredEvent, TransferSent } from '../../src/domain/events.ts';
import type { AccountId, TransferId } from '../../src/domain/ids.ts';
import { TransferIdSchema } from '../../src/domain/ids.ts';
import type { NewEvent } from '../../src/eventstore/codec.ts';
import { newEvent, USD } from '../eventstore/new-events.ts';

export interface TransferEvents {
  readonly transferId: TransferId;
  /** In the sender's stream. */
  readonly sent: NewEvent;
  readonly completed: () => NewEvent;
  readonly returned: (reason?: ReturnReason) => NewEvent;
  /** In the recipient's stream. */
  readonly received: () => NewEvent;
  readonly refused: (reason?: ReturnReason) => NewEvent;
}

/** A transfer of USD. The ids of what makes it happen are drawn anew at each call. */
export function transferBetween(
  from: AccountId,
  to: AccountId,
  amount: string,
  said: Partial<Omit<TransferSent, 'type'>> = {},
): TransferEvents {
  const { transferId = TransferIdSchema.parse(randomUUID()), reference, reverses } = said;
  const common = { version: 1, transferId, asset: USD, amount } as const;
  const ofReversal = reverses === undefined ? {} : { reverses };
  const event = (stored: StoredEvent): NewEvent => newEvent(stored);
  return {
    transferId,
    sent: event({ ...common, type: 'transfer-sent', to, balances: [], ...said }),
    completed: () => event({ ...common, type: 'transfer-completed', to }),
    returned: (reason = 'recipient_frozen') => event({ ...common, type: 'transfer-returned', to, reason, balances: [], ...ofReversal }),
    received: () => event({ ...common, type: 'transfer-received', from, balances: [], ...(reference === undefined ? {} : { reference }) }),
    refused: (reason = 'recipient_frozen') => event({ ...common, type: 'transfer-refused', from, reason }),
  };
}
