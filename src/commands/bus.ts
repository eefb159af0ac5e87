// The bus: how a command reaches whoever decides it, and how the answer comes back. A port: in-process here, a broker elsewhere.
import type { Command } from '../domain/commands.ts';
import type { BalanceAfter, EventMetadata } from '../domain/events.ts';
import type { AccountId, CommandId } from '../domain/ids.ts';
import type { Rejection } from '../domain/rejections.ts';

/** A command with what is known of its sender. Nothing here but `command` counts when two commands are compared. */
export interface CommandEnvelope {
  readonly command: Command;
  /** The idempotency key, scoped to the account (or asset) the command addresses. */
  readonly key: string;
  /** An opaque id of who acts; never a name. */
  readonly actor: string;
  readonly transport: EventMetadata['transport'];
  /** The request's id; goes into the event's metadata. */
  readonly correlationId: string;
  /** The W3C trace context that the command came with; goes into the event's metadata. */
  readonly traceparent?: string;
  /** The W3C trace context of the span that sends it on, where there is tracing. Nothing keeps it. */
  readonly span?: string;
  /** The event that this command follows from; absent where somebody asked for it. */
  readonly causationId?: string;
  /** Where set, this user acts: the account must exist and be theirs, else the answer is account_not_found. Absent: somebody for the house. */
  readonly onlyOwner?: string;
  /** Decide only: nothing is stored, no key is looked at. */
  readonly dryRun: boolean;
  /** The revision the account must be at when the command is decided. */
  readonly ifMatch?: bigint;
}

/**
 * The answer to a command.
 * - `applied`, and `rejected` with a revision: the log keeps it, and the same key gets it for ever (`hit`: this was a repeat).
 * - `would_apply`: a dry run; revision and position are those the decision was made at.
 * - `rejected` without a revision: nothing was stored; except for outcome_unknown, nothing was or will be applied.
 */
export type CommandAnswer =
  | {
      readonly status: 'applied' | 'would_apply';
      readonly hit: boolean;
      readonly commandId: CommandId;
      /** Absent where the command addresses an asset. */
      readonly accountId?: AccountId;
      readonly revision: bigint;
      readonly position: bigint;
      readonly balances: readonly BalanceAfter[];
      readonly result: Readonly<Record<string, string>>;
    }
  | {
      readonly status: 'rejected';
      readonly hit: boolean;
      readonly commandId: CommandId;
      readonly rejection: Rejection;
      readonly revision?: bigint;
      readonly position?: bigint;
      /** Of stored refusals: the request that was refused first. */
      readonly correlationId?: string;
    };

/** A command that a broker keeps for good and that is not answered yet: its outcome comes, and is found with its key. */
export interface PendingAnswer {
  readonly status: 'pending';
  readonly commandId: CommandId;
  /** Absent where the command addresses an asset. */
  readonly accountId?: AccountId;
}

/**
 * Guarantees of every bus: commands sent to one account, one after another without waiting, are decided in that order;
 * accounts do not wait for each other; an answer other than a refusal that is not stored stands in the log before it is given.
 * `send` never rejects for infrastructure trouble: that is an answer, too.
 */
export interface CommandBus {
  send(envelope: CommandEnvelope): Promise<CommandAnswer>;
  /** Takes no more, and resolves when everything accepted is answered. */
  close(): Promise<void>;
}

/** What a command's spans are part of: what sends it on, else what it came with. */
export const parentOf = ({ span, traceparent }: Pick<CommandEnvelope, 'span' | 'traceparent'>): string | undefined => span ?? traceparent;

/** A bus over a broker, which keeps commands until they are decided: nobody has to wait for that. */
export interface QueueingBus extends CommandBus {
  /**
   * Sends the command and waits that long for its answer; with 0, only until the broker has it for good. `broker_unavailable`:
   * the broker does not have it and never will.
   */
  submit(envelope: CommandEnvelope, wait: { readonly waitMs: number }): Promise<CommandAnswer | PendingAnswer>;
}
