// The bus over RabbitMQ: a command is published to its account's queue, and whoever consumes that queue answers.
import type { CommandAnswer, CommandEnvelope, PendingAnswer, QueueingBus } from '../commands/bus.ts';
import { parentOf } from '../commands/bus.ts';
import type { SpanStart, Spans } from '../commands/spans.ts';
import { assertNever } from '../domain/assert-never.ts';
import { scopeOf } from '../domain/commands.ts';
import type { CommandId } from '../domain/ids.ts';
import { commandIdOf } from '../domain/ids.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import type { BrokerConnection, Message } from './connection.ts';
import { formatCommand, newCorrelationId } from './messages.ts';
import type { PublishOutcome } from './publisher.ts';
import { makePublisher } from './publisher.ts';
import { parseReply } from './replies.ts';
import { EXCHANGES } from './topology.ts';

export interface RabbitMqBusOptions {
  /** Publishes, and takes the answers. Not the one that commands are consumed on. */
  readonly connection: BrokerConnection;
  /** How long `send` waits for an answer. */
  readonly waitMs: number;
  /** The most commands that wait for an answer; beyond it the answer is `overloaded`. */
  readonly maxWaiting: number;
  /** Absent where nobody traces. */
  readonly spans?: Spans | undefined;
}

export interface RabbitMqBus extends QueueingBus {
  /** Whether a command would be sent now. */
  isAvailable(): boolean;
  /** Commands whose answer is awaited. */
  awaited(): number;
  /** From now on waits for an answer so long at most, also where the wait has begun: the service is about to stop. */
  hurry(waitMs: number): void;
}

/** RabbitMQ's direct reply-to: answers come over the channel that asked, without a queue. */
const REPLY_TO = 'amq.rabbitmq.reply-to';
/** How long a confirm may take where nobody waits for an answer. */
const CONFIRM_WAIT_MS = 5000;

/** A command that was published, until it is answered. */
interface Waiting {
  readonly commandId: CommandId;
  readonly pending: PendingAnswer;
  /** True once the broker has it for good. */
  isQueued: boolean;
  isWaitOver: boolean;
  end(answer: CommandAnswer | PendingAnswer): void;
}

/** The bus. Commands published one after another to one account stand in its queue in that order. */
export function makeRabbitMqBus({ connection, waitMs: sendWaitMs, maxWaiting, spans }: RabbitMqBusOptions): RabbitMqBus {
  const waiting = new Map<string, Waiting>();
  let isClosing = false;
  let mostWaitMs = Number.POSITIVE_INFINITY;
  let onIdle: (() => void)[] = [];
  const publisher = makePublisher(connection, {
    prepare: async (channel) => void (await channel.consume(REPLY_TO, take, { noAck: true })),
    // Answers to what was asked over the lost channel have nowhere to go. What is unconfirmed hears of it by itself.
    onLost: () => {
      for (const command of [...waiting.values()]) if (command.isQueued) command.end(command.pending);
    },
  });

  function take(message: Message | null): void {
    if (message === null) return;
    const asked = waiting.get(String(message.properties.correlationId));
    try {
      asked?.end(parseReply(message));
    } catch {
      asked?.end(refusalOf(asked.commandId, unknownOutcome('The answer could not be read.')));
    }
  }

  function published(command: Waiting, outcome: PublishOutcome): void {
    switch (outcome) {
      case 'confirmed':
        command.isQueued = true;
        if (command.isWaitOver) command.end(command.pending);
        break;
      case 'unroutable':
        command.end(refusalOf(command.commandId, unavailable('No queue of the broker takes commands; nothing was kept.')));
        break;
      case 'not_sent':
        command.end(refusalOf(command.commandId, unavailable('The broker cannot be reached; nothing was sent.')));
        break;
      case 'unknown':
        command.end(refusalOf(command.commandId, unknownOutcome('The broker has not said whether it took the command.')));
        break;
      default:
        assertNever(outcome);
    }
  }

  function endWait(command: Waiting): void {
    command.isWaitOver = true;
    if (command.isQueued) command.end(command.pending);
  }

  function submit(envelope: CommandEnvelope, { waitMs: wantedMs }: { readonly waitMs: number }): Promise<CommandAnswer | PendingAnswer> {
    const waitMs = Math.min(wantedMs, mostWaitMs);
    const { command, key } = envelope;
    const scope = scopeOf(command);
    const commandId = commandIdOf(scope, key);
    const correlationId = newCorrelationId();
    if (isClosing) return Promise.resolve(refusalOf(commandId, rejection('overloaded', 'The ledger is shutting down.')));
    if (waiting.size >= maxWaiting) return Promise.resolve(refusalOf(commandId, rejection('overloaded', 'Too many commands are waiting.')));
    const span = spans?.start(publishing(envelope));
    const traced = span ? { ...envelope, span: span.traceparent } : envelope;
    const message = formatCommand(traced, { user: connection.user, replyTo: REPLY_TO, correlationId });
    return new Promise((resolve) => {
      const entry: Waiting = {
        commandId,
        pending: { status: 'pending', commandId, ...(command.type !== 'register-asset' && { accountId: scope }) },
        isQueued: false,
        isWaitOver: wantedMs <= 0,
        end(answer) {
          if (!waiting.delete(correlationId)) return; // a late answer
          for (const timer of timers) clearTimeout(timer);
          resolve(answer);
          if (waiting.size > 0) return;
          for (const idle of onIdle) idle();
          onIdle = [];
        },
      };
      const timers = [
        setTimeout(() => endWait(entry), Math.max(0, waitMs)),
        setTimeout(
          () => entry.end(refusalOf(commandId, unknownOutcome('The broker has not said in time whether it took the command.'))),
          Math.max(waitMs, CONFIRM_WAIT_MS),
        ),
      ];
      waiting.set(correlationId, entry);
      void publisher.publish(message).then((outcome) => {
        span?.end({ failure: outcome === 'confirmed' ? undefined : outcome });
        published(entry, outcome);
      });
    });
  }

  return {
    submit,
    async send(envelope) {
      const answer = await submit(envelope, { waitMs: sendWaitMs });
      if (answer.status !== 'pending') return answer;
      return refusalOf(answer.commandId, unknownOutcome('The command waits in the broker and will be decided.'));
    },
    awaited: () => waiting.size,
    isAvailable: () => publisher.isReady() && !isClosing,
    hurry(waitMs) {
      mostWaitMs = waitMs;
      const underWay = [...waiting.values()];
      setTimeout(() => underWay.forEach(endWait), waitMs).unref();
    },
    async close() {
      isClosing = true;
      if (waiting.size > 0) await new Promise<void>((resolve) => onIdle.push(resolve));
      await publisher.close();
    },
  };
}

const publishing = (envelope: CommandEnvelope): SpanStart => ({
  name: `send ${EXCHANGES.commands}`,
  kind: 'producer',
  parent: parentOf(envelope),
  attributes: {
    'messaging.system': 'rabbitmq',
    'messaging.operation.type': 'send',
    'messaging.operation.name': 'publish',
    'messaging.destination.name': EXCHANGES.commands,
    'messaging.rabbitmq.destination.routing_key': scopeOf(envelope.command),
  },
});
const refusalOf = (commandId: CommandId, refused: Rejection): CommandAnswer => ({
  status: 'rejected',
  hit: false,
  commandId,
  rejection: refused,
});
const unavailable = (detail: string): Rejection => rejection('broker_unavailable', detail);
const unknownOutcome = (why: string): Rejection =>
  rejection('outcome_unknown', `${why} Send it again with the same key to learn its outcome.`);
