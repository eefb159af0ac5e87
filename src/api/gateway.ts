// The gateway: how the API gets commands decided, straight in this process or through a broker, and what it promises meanwhile.
import { answerOf } from '../commands/answers.ts';
import { keyReused } from '../commands/batch.ts';
import type { CommandAnswer, CommandBus, CommandEnvelope, PendingAnswer, QueueingBus } from '../commands/bus.ts';
import { commandHashOf } from '../commands/idempotency.ts';
import { makeRecentIds } from '../commands/recent-ids.ts';
import { scopeOf } from '../domain/commands.ts';
import type { CommandId } from '../domain/ids.ts';
import { commandIdOf } from '../domain/ids.ts';
import type { StoredOutcome } from '../domain/outcome.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import type { ReceiptedCommand, Receipts } from '../identity/receipts.ts';
import type { AccountView } from './queries.ts';
import type { SendPreference } from './request-headers.ts';

export interface Gateway {
  /** Has the command decided. `pending` is only said where a broker has it for good and a receipt of it is written. Never rejects for infrastructure trouble. */
  send(envelope: CommandEnvelope, preference?: SendPreference): Promise<CommandAnswer | PendingAnswer>;
}

/**
 * Whether the command is addressed to what its sender may reach, as far as the projections know: only then may it have a receipt,
 * which keeps the key for its command. Nobody takes a key at somebody else's account, or leaves anything there.
 */
export async function isAtTheirAccount(
  { command, onlyOwner }: Pick<CommandEnvelope, 'command' | 'onlyOwner'>,
  accountOf: BrokerGatewayOptions['queries']['account'],
): Promise<boolean> {
  // The id of an account that a user opens is made from theirs.
  if (onlyOwner === undefined || command.type === 'open-account' || command.type === 'register-asset') return true;
  return (await accountOf(command.accountId))?.ownerId === onlyOwner;
}

/** Without a broker: every command is answered when it is decided. */
export const directGateway = (bus: CommandBus): Gateway => ({ send: (envelope) => bus.send(envelope) });

export interface BrokerGatewayOptions {
  readonly bus: QueueingBus;
  /** Whether the broker takes commands at this moment. */
  readonly isAvailable: () => boolean;
  /** Decides in this process what is no command to an account, or changes nothing. */
  readonly direct: CommandBus;
  readonly receipts: Pick<Receipts, 'create' | 'find' | 'settle'>;
  readonly queries: {
    account(accountId: AccountView['accountId']): Promise<Pick<AccountView, 'ownerId'> | undefined>;
    outcome(commandId: CommandId): Promise<StoredOutcome | undefined>;
  };
  /** How long an answer is waited for, where the request does not say. */
  readonly waitMs: number;
}

/** The longest wait that a request can ask for: proxies on the way would not wait longer. */
const MOST_WAIT_MS = 60_000;
/** As many commands that may still wait in the broker are known at a time. */
const MOST_IN_DOUBT = 20_000;

/**
 * Commands to accounts go through the broker, so that all of an account's are decided in one order, whoever sent them. Dry runs
 * store nothing and need no order; assets have no account: both are decided here.
 */
export function brokerGateway({ bus, isAvailable, direct, receipts, queries, waitMs: usualWaitMs }: BrokerGatewayOptions): Gateway {
  /** Handed to the broker, and no outcome is known: a repeat must not be told that the command never will be applied. */
  const inDoubt = makeRecentIds(MOST_IN_DOUBT);
  const mayHaveReceipt = (envelope: CommandEnvelope): Promise<boolean> => isAtTheirAccount(envelope, queries.account);
  /** Whether the sender is to know that such a command may wait: nobody learns of commands at somebody else's account. Where that cannot be told, yes: the truth comes first. */
  const mayLearnOf = (envelope: CommandEnvelope): Promise<boolean> => mayHaveReceipt(envelope).catch(() => true);
  /** The refusal of what was not sent, if it was not sent before either. */
  const notSent = async (commandId: CommandId, envelope: CommandEnvelope, refused: Rejection): Promise<CommandAnswer> =>
    refusalOf(commandId, inDoubt.has(commandId) && (await mayLearnOf(envelope)) ? mayWait() : refused);

  async function submit(envelope: CommandEnvelope, waitMs: number): Promise<CommandAnswer | PendingAnswer> {
    const commandId = commandIdOf(scopeOf(envelope.command), envelope.key);
    const wasInDoubt = inDoubt.has(commandId);
    inDoubt.add(commandId);
    const answer = await bus.submit(envelope, { waitMs });
    const refused = answer.status === 'rejected' ? answer.rejection : undefined;
    if (refused && wasNotSent(refused) && wasInDoubt) return refusalOf(commandId, (await mayLearnOf(envelope)) ? mayWait() : refused);
    if (answer.status !== 'pending' && refused?.code !== 'outcome_unknown') inDoubt.delete(commandId);
    return answer;
  }

  /** With a receipt from the start: answered as soon as the broker has it, or after the wait that was asked for. Undefined where it can have none. */
  async function queue(envelope: CommandEnvelope, waitMs: number): Promise<CommandAnswer | PendingAnswer | undefined> {
    const command = receiptedCommand(envelope);
    const { commandId, commandHash } = command;
    let isRepeat: boolean;
    try {
      if (!(await mayHaveReceipt(envelope))) return undefined;
      const stored = await queries.outcome(commandId);
      if (stored) return stored.commandHash === commandHash ? answerOf(stored, true) : refusalOf(commandId, keyReused(envelope.key));
      isRepeat = (await receipts.find(commandId))?.state === 'pending';
      if (!(await receipts.create(command, { isPublished: false }))) return refusalOf(commandId, keyReused(envelope.key));
    } catch {
      return notSent(commandId, envelope, rejection('projection_behind', 'Postgres cannot be reached; nothing was sent.'));
    }
    const answer = await submit(envelope, waitMs);
    if (answer.status === 'rejected' && wasNotSent(answer.rejection)) {
      // The receipt is the earlier one's, whose message may wait in the broker.
      if (isRepeat) return refusalOf(commandId, mayWait());
      const { code, detail, fields } = answer.rejection;
      const problem = { code, detail, fields, correlationId: envelope.correlationId };
      // Where that fails, a receipt is left that nobody was promised.
      await receipts.settle(command, { state: 'rejected', problem }).catch(() => undefined);
    }
    return answer;
  }

  /** The broker has the command, and the wait is over. */
  async function promised(envelope: CommandEnvelope, pending: PendingAnswer): Promise<CommandAnswer | PendingAnswer> {
    try {
      const isWritten = (await mayHaveReceipt(envelope)) && (await receipts.create(receiptedCommand(envelope), { isPublished: true }));
      if (isWritten) return pending;
    } catch {
      // Postgres is away: nothing can be promised.
    }
    const detail = 'The command waits in the broker and will be decided. Send it again with the same key to learn its outcome.';
    return refusalOf(pending.commandId, rejection('outcome_unknown', detail));
  }

  return {
    async send(envelope, { isAsync = false, waitMs } = {}) {
      const { command, key, dryRun } = envelope;
      if (dryRun || command.type === 'register-asset') return direct.send(envelope);
      if (!isAvailable()) {
        return notSent(
          commandIdOf(scopeOf(command), key),
          envelope,
          rejection('broker_unavailable', 'The broker cannot be used; nothing was sent.'),
        );
      }
      const wantedMs = waitMs === undefined ? undefined : Math.min(waitMs, MOST_WAIT_MS);
      const queued = isAsync ? await queue(envelope, wantedMs ?? 0) : undefined;
      if (queued) return queued;
      const answer = await submit(envelope, wantedMs ?? usualWaitMs);
      return answer.status === 'pending' ? promised(envelope, answer) : answer;
    },
  };
}

function receiptedCommand({ command, key, onlyOwner }: CommandEnvelope): ReceiptedCommand {
  const accountId = scopeOf(command);
  return {
    commandId: commandIdOf(accountId, key),
    commandHash: commandHashOf(command),
    accountId,
    ...(onlyOwner !== undefined && { ownerId: onlyOwner }),
  };
}

const mayWait = (): Rejection =>
  rejection('outcome_unknown', 'It was not sent now, but may wait in the broker from before. Send it again with the same key.');
const wasNotSent = ({ code }: Rejection): boolean => code === 'broker_unavailable' || code === 'overloaded';

const refusalOf = (commandId: CommandId, refused: Rejection): CommandAnswer => ({
  status: 'rejected',
  hit: false,
  commandId,
  rejection: refused,
});
