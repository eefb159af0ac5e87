// The producer: commands over RabbitMQ, in the order in which they are given, each with one effect.
import { randomUUID } from 'node:crypto';
import type { ConfirmChannel, ConsumeMessage, Options } from 'amqplib';
import type { BrokerOptions } from './broker.ts';
import { connectBroker } from './broker.ts';
import type { Applied, Command, CommandOf, CommandType } from './contract.ts';
import { CommandUnroutable, isProblem, LedgerProblem, LedgerUnreachable, OutcomePending } from './problem.ts';

export interface LedgerProducerOptions extends BrokerOptions {
  /** How long a command is tried for before its promise is rejected, in milliseconds; 30 s where it is not given. */
  readonly deadlineMs?: number;
}
export interface PublishOptions {
  /** The idempotency key; where none is given a random one is made, which is in the answer and in every error. */
  readonly key?: string;
  readonly deadlineMs?: number;
  /** W3C trace context, kept with the event. */
  readonly traceparent?: string;
}
/** A command that the broker has for good; the ledger will decide it. */
export interface Published {
  readonly key: string;
}

export interface LedgerProducer {
  /**
   * Resolves when the broker has the command for good. Whether it is then applied or refused is told by `send`, by the
   * account's events, or by the same command with the same key.
   * @throws CommandUnroutable, LedgerUnreachable.
   */
  publish(command: Command, options?: PublishOptions): Promise<Published>;
  /**
   * The same, and waits until the ledger has decided. A command that is malformed, or that this broker user may not send,
   * goes to the ledger's dead letters and is not answered.
   * @throws LedgerProblem where it is refused; OutcomePending where it waits in the broker still; and as `publish` does.
   */
  send<Type extends CommandType>(command: CommandOf<Type>, options?: PublishOptions): Promise<Applied<Type>>;
  /** Takes no more commands, waits until those under way are settled, and disconnects. */
  close(): Promise<void>;
}

const EXCHANGE = 'ledger.commands';
/** RabbitMQ's direct reply-to: answers come back over the channel that asked, without a queue. */
const REPLY_TO = 'amq.rabbitmq.reply-to';
/** On answers: an earlier command with the same key made the outcome. */
const HIT_HEADER = 'idempotency-hit';
const DEADLINE_MS = 30_000;
const NOT_FOUND = 404;

/** A command under way: it stays until it is settled, and is published again, in its place, on every new channel. */
interface Outgoing {
  readonly key: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: Options.Publish;
  readonly wantsAnswer: boolean;
  isSent: boolean;
  isConfirmed: boolean;
  isReturned: boolean;
  settle(outcome: { readonly answer: unknown } | { readonly error: Error }): void;
}

/**
 * A producer at that broker. Commands to one account are decided in the order in which `publish` and `send` were called.
 * It connects, and connects again, by itself; what is not confirmed, or not answered, is then published again with the same key.
 *
 * @example
 * ```ts
 * const producer = createLedgerProducer({ amqpUrl: 'amqp://shop:secret@127.0.0.1' });
 * const { balances } = await producer.send({ type: 'deposit', accountId, asset: 'USD', amount: '90.00' });
 * await producer.close();
 * ```
 */
export function createLedgerProducer({ deadlineMs: usualDeadlineMs = DEADLINE_MS, ...options }: LedgerProducerOptions): LedgerProducer {
  const underWay = new Map<string, Outgoing>();
  let channel: ConfirmChannel | undefined;
  let isClosing = false;
  let onIdle: (() => void)[] = [];

  const broker = connectBroker(options, async (opened) => {
    // Before amqplib itself hears of it: it then tells every unconfirmed message so, which is published again.
    opened.prependOnceListener('close', () => {
      if (channel === opened) channel = undefined;
    });
    opened.on('return', ({ properties }) => {
      const returned = underWay.get(String(properties.correlationId));
      if (returned) returned.isReturned = true; // its confirm comes next
    });
    await opened.checkExchange(EXCHANGE).catch((cause: unknown) => {
      if (codeOf(cause) === NOT_FOUND)
        for (const { key, settle } of [...underWay.values()]) settle({ error: new CommandUnroutable(key, cause) });
      throw cause;
    });
    await opened.consume(REPLY_TO, takeAnswer, { noAck: true });
    channel = opened;
    // In the order in which they were given; those that the ledger has decided already are answered again.
    for (const outgoing of underWay.values()) write(opened, outgoing);
  });

  function write(opened: ConfirmChannel, outgoing: Outgoing): void {
    const { routingKey, content, key } = outgoing;
    try {
      opened.publish(EXCHANGE, routingKey, content, outgoing.options, (error: unknown) => {
        if (outgoing.isReturned) return outgoing.settle({ error: new CommandUnroutable(key) });
        // A lost channel answers so, too; the next one publishes it again.
        if (error !== null)
          return void (
            channel === opened && outgoing.settle({ error: new LedgerUnreachable('the broker did not take the command', { key }) })
          );
        outgoing.isConfirmed = true;
        if (!outgoing.wantsAnswer) outgoing.settle({ answer: { key } });
      });
      outgoing.isSent = true;
    } catch {
      // The channel is closed already; the next one publishes it.
    }
  }

  function takeAnswer(message: ConsumeMessage | null): void {
    const outgoing = message === null ? undefined : underWay.get(String(message.properties.correlationId));
    if (message === null || outgoing === undefined) return;
    const { key } = outgoing;
    const answer = bodyOf(message);
    if (answer === undefined) outgoing.settle({ error: new LedgerUnreachable('the answer could not be read', { key }) });
    else if (isProblem(answer['problem'])) outgoing.settle({ error: new LedgerProblem(answer['problem'], key) });
    else outgoing.settle({ answer: { ...answer, key, hit: message.properties.headers?.[HIT_HEADER] === 'true' } });
  }

  function submit<Answer>(command: Command, wantsAnswer: boolean, options: PublishOptions = {}): Promise<Answer> {
    const { key = randomUUID(), traceparent, deadlineMs = usualDeadlineMs } = options;
    if (isClosing) return Promise.reject(new LedgerUnreachable('the producer is closed', { key, isUnsent: true }));
    const { type, ...fields } = command;
    const correlationId = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => outgoing.settle({ error: late(outgoing) }), deadlineMs);
      const outgoing: Outgoing = {
        key,
        // Lower case, as the ledger spells the account: another spelling would take it out of the account's order.
        routingKey: command.accountId.toLowerCase(),
        content: Buffer.from(JSON.stringify(fields)),
        options: {
          persistent: true,
          mandatory: true,
          contentType: 'application/json',
          messageId: key,
          type,
          correlationId,
          userId: broker.user,
          ...(wantsAnswer ? { replyTo: REPLY_TO } : {}),
          ...(traceparent === undefined ? {} : { headers: { traceparent } }),
        },
        wantsAnswer,
        isSent: false,
        isConfirmed: false,
        isReturned: false,
        settle(outcome) {
          clearTimeout(timer);
          underWay.delete(correlationId);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.answer as Answer); // the contract's answer
          if (underWay.size > 0) return;
          for (const idle of onIdle) idle();
          onIdle = [];
        },
      };
      underWay.set(correlationId, outgoing);
      if (channel !== undefined) write(channel, outgoing);
    });
  }

  /** What is known of a command at its deadline. */
  const late = ({ key, isConfirmed, isSent }: Outgoing): Error =>
    isConfirmed
      ? new OutcomePending(key)
      : new LedgerUnreachable('the broker did not take the command in time', { key, isUnsent: !isSent, cause: broker.lastTrouble() });

  return {
    publish: (command, options) => submit(command, false, options),
    send: (command, options) => submit(command, true, options),
    async close() {
      isClosing = true;
      if (underWay.size > 0) await new Promise<void>((resolve) => onIdle.push(resolve));
      await broker.close();
    },
  };
}

function bodyOf({ content }: ConsumeMessage): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(content.toString('utf8'));
    return typeof body === 'object' && body !== null ? { ...body } : undefined;
  } catch {
    return undefined;
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
