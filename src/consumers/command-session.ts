// Commands from one channel: read, decided in their account's order, answered, acknowledged.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Refusal } from '../api/problems.ts';
import type { CommandAnswer, CommandEnvelope } from '../commands/bus.ts';
import { parentOf } from '../commands/bus.ts';
import type { CommandHandler } from '../commands/handler.ts';
import type { CommandSequence } from '../commands/sequence.ts';
import { isWithoutOutcome } from '../commands/sequence.ts';
import type { SpanStart, Spans } from '../commands/spans.ts';
import { traceIdOf } from '../commands/spans.ts';
import { assertNever } from '../domain/assert-never.ts';
import { scopeOf } from '../domain/commands.ts';
import type { CommandId } from '../domain/ids.ts';
import { commandIdOf, Uuid } from '../domain/ids.ts';
import { REJECTIONS } from '../domain/rejections.ts';
import type { Channel, ConsumeMessage } from '../rabbitmq/connection.ts';
import { deadLetterOf, firstUserOf } from '../rabbitmq/dead-letters.ts';
import type { CommandMessage, MessageRules } from '../rabbitmq/messages.ts';
import { parseCommandMessage } from '../rabbitmq/messages.ts';
import type { OutgoingMessage, Publisher } from '../rabbitmq/publisher.ts';
import { formatReply } from '../rabbitmq/replies.ts';
import { EXCHANGES } from '../rabbitmq/topology.ts';
import type { Acting } from '../rabbitmq/who-acts.ts';
import { senderOf, whoActs } from '../rabbitmq/who-acts.ts';
import { makeAccountLanes } from './account-lanes.ts';
import type { FoundClient, KnownClients } from './known-clients.ts';
import type { Session } from './queue-consumer.ts';
import { makeTurnstile } from './turnstile.ts';

/** An outcome that the log does not keep, and that is final for its message. */
export interface UnstoredOutcome {
  readonly commandId: CommandId;
  /** Absent where the message could not be read as a command. */
  readonly envelope?: CommandEnvelope;
  /** Refused and answered, or put among the dead letters. */
  readonly ending: 'refused' | 'dead-lettered';
  readonly refusal: Refusal;
}

export interface CommandSessionOptions {
  readonly handle: CommandHandler['handle'];
  readonly rules: MessageRules;
  /** Whom the broker users stand for. */
  readonly clients: KnownClients;
  /** Where dead letters are published, and the answers to the ledger's own API. */
  readonly publisher: Publisher;
  /** Where producers are answered. */
  readonly answers: Publisher;
  readonly logger: Logger;
  /** Absent where nobody traces. */
  readonly spans?: Spans | undefined;
  /** Keeps what the log does not, before the message is acknowledged. Where it rejects, it is tried again. */
  readonly keepUnstored?: (outcome: UnstoredOutcome) => Promise<void>;
}

interface Item {
  readonly message: ConsumeMessage;
  readonly acting: Acting;
}
interface Answered {
  readonly kind: 'answered';
  readonly read: CommandMessage;
  readonly answer: CommandAnswer;
}
interface Dead {
  readonly kind: 'dead';
  readonly refusal: Refusal;
  readonly envelope?: CommandEnvelope;
}
type Verdict = Answered | Dead;

/** Long enough for the publishing connection to come back after the consuming one. */
const REPLY_ATTEMPTS = 10;
const REPLY_PAUSE_MS = 300;
const NO_CLIENT: FoundClient = { kind: 'none' };

/**
 * The session of a channel. Guarantees: commands of one account are decided in the order of their delivery; a message is
 * acknowledged, by itself, once its outcome is in the log, or its refusal is answered, or it is among the dead letters for
 * sure; it is never given back. Without an outcome it is kept and tried again.
 */
export function openCommandSession(channel: Channel, options: CommandSessionOptions): Session {
  const { handle, rules, clients, publisher, logger, spans } = options;
  const inTurn = makeTurnstile<CommandSequence>();
  const lanes = makeAccountLanes<Item, Verdict>({
    decide: (item, sequence) => inTurn(sequence, clientOf(item), (found) => decideAs(found, item, sequence)),
    async settle({ message }, verdict) {
      switch (verdict.kind) {
        case 'answered':
          await keepRefusal(verdict);
          reply(message, verdict);
          break;
        case 'dead':
          await bury(message, verdict);
          break;
        default:
          assertNever(verdict);
      }
      acknowledge(message);
    },
    onError: (err) => logger.warn({ err }, 'a command message could not be finished yet'),
  });

  /** The client that the message names: mostly known, so that an account's commands are handed on together. */
  function clientOf({ acting }: Item): FoundClient | Promise<FoundClient> {
    return acting.kind === 'client' ? (clients.known(acting.clientId) ?? clients.find(acting.clientId)) : NO_CLIENT;
  }

  async function decideAs(found: FoundClient, { message, acting }: Item, sequence: CommandSequence): Promise<Verdict | undefined> {
    if (found.kind === 'unavailable') {
      sequence.isBroken = true;
      return undefined;
    }
    const sender = senderOf(acting, found.kind === 'client' ? found.client : undefined, rules);
    const read = parseCommandMessage(message, sender, rules);
    if (read.kind === 'dead') return read;
    const span = spans?.start(processing(message, read.envelope));
    const traced = span ? { ...read, envelope: { ...read.envelope, span: span.traceparent } } : read;
    const answer = await handle(traced.envelope, sequence);
    const isForLater = isWithoutOutcome(answer);
    span?.end({ failure: isForLater ? 'without an outcome yet' : undefined });
    if (isForLater) return undefined;
    // The gateway's client is told over HTTP; a producer finds what was wrong with the message in the dead letters.
    const isDead = answer.status === 'rejected' && REJECTIONS[answer.rejection.code].message === 'dead-letter';
    if (isDead && !read.isFromGateway) return { kind: 'dead', refusal: answer.rejection, envelope: read.envelope };
    return { kind: 'answered', read: traced, answer };
  }

  async function keepRefusal({ read, answer }: Answered): Promise<void> {
    if (answer.status !== 'rejected' || answer.revision !== undefined || read.envelope.dryRun) return;
    const { commandId, rejection: refusal } = answer;
    await options.keepUnstored?.({ commandId, envelope: read.envelope, ending: 'refused', refusal });
  }

  function reply(message: ConsumeMessage, { read, answer }: Answered): void {
    const outgoing = formatReply(message, read, answer, rules.ledgerUser);
    if (outgoing) void sendReply(outgoing, read.isFromGateway ? publisher : options.answers);
    const { command, envelope } = read;
    const trace = parentOf(envelope);
    logger.info(
      {
        ...(trace !== undefined && { traceId: traceIdOf(trace) }),
        commandId: answer.commandId,
        accountId: scopeOf(command),
        type: command.type,
        outcome: answer.status === 'rejected' ? answer.rejection.code : answer.status,
        hit: answer.hit,
        position: answer.position?.toString(),
      },
      'command answered',
    );
  }

  /** The acknowledgement does not wait for it: the sender may be gone, and one that is not has its key to ask again. */
  async function sendReply(outgoing: OutgoingMessage, over: Publisher): Promise<void> {
    for (let attempt = 1; attempt <= REPLY_ATTEMPTS; attempt += 1) {
      if ((await over.publish(outgoing)) !== 'not_sent') return;
      await sleep(REPLY_PAUSE_MS);
    }
    logger.warn({ commandId: outgoing.options.messageId }, 'an answer could not be sent');
  }

  async function bury(message: ConsumeMessage, { refusal, envelope }: Dead): Promise<void> {
    const { code, detail } = refusal;
    const commandId = envelope ? commandIdOf(scopeOf(envelope.command), envelope.key) : addressedBy(message);
    // What cannot be read says nothing of its sender's commands, unless it is the ledger's own.
    const isKept = envelope !== undefined || firstUserOf(message, rules.ledgerUser) === rules.ledgerUser;
    if (commandId !== undefined && isKept)
      await options.keepUnstored?.({ commandId, ...(envelope && { envelope }), ending: 'dead-lettered', refusal });
    const outcome = await publisher.publish(deadLetterOf(message, code, detail, rules.ledgerUser));
    if (outcome !== 'confirmed') throw new Error(`a dead letter was not taken by the broker: ${outcome}`);
    logger.warn({ commandId, accountId: message.fields.routingKey, reason: code, detail }, 'message put among the dead letters');
  }

  function acknowledge(message: ConsumeMessage): void {
    try {
      channel.ack(message);
    } catch {
      // The channel is closed: the message comes again, and finds its outcome.
    }
  }

  return {
    take: (message) => lanes.take(message.fields.routingKey, { message, acting: whoActs(message, rules) }),
    oldestMs: lanes.oldestMs,
    stop: lanes.stop,
  };
}

const processing = ({ fields }: ConsumeMessage, envelope: CommandEnvelope): SpanStart => ({
  name: `process ${EXCHANGES.commands}`,
  kind: 'consumer',
  parent: parentOf(envelope),
  attributes: {
    'messaging.system': 'rabbitmq',
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'consume',
    'messaging.destination.name': EXCHANGES.commands,
    'messaging.rabbitmq.destination.routing_key': fields.routingKey,
  },
});

/** The command that a message is about, as far as it can be told from outside. */
function addressedBy({ fields, properties }: ConsumeMessage): CommandId | undefined {
  const scope = Uuid.safeParse(fields.routingKey);
  const key: unknown = properties.messageId;
  return scope.success && typeof key === 'string' ? commandIdOf(scope.data, key) : undefined;
}
