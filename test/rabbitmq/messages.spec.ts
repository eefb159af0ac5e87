import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CommandAnswer, CommandEnvelope } from '../../src/commands/bus.ts';
import { AccountCommandSchema, RegisterAssetCommand } from '../../src/domain/commands.ts';
import { AccountIdSchema, AssetCodeSchema, commandIdOf, principalUuidOf } from '../../src/domain/ids.ts';
import type { ConsumeMessage } from '../../src/rabbitmq/connection.ts';
import { deadLetterOf, redriven } from '../../src/rabbitmq/dead-letters.ts';
import { formatCommand } from '../../src/rabbitmq/messages.ts';
import type { OutgoingMessage } from '../../src/rabbitmq/publisher.ts';
import { formatReply, parseReply } from '../../src/rabbitmq/replies.ts';
import { delivered } from './delivered.ts';
import type { Given } from './published.ts';
import { ACCOUNT, DEPOSIT, LEDGER, published, read, reasonOf } from './published.ts';

describe('a producer’s message', () => {
  it('is its command, and acts for its broker user', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect(read(published({ correlationId: 'c-1', headers: { traceparent } }))).toEqual({
      kind: 'command',
      isFromGateway: false,
      command: { type: 'deposit', ...DEPOSIT },
      envelope: {
        command: { type: 'deposit', ...DEPOSIT },
        key: 'k',
        actor: principalUuidOf('issuer', 'shop'),
        transport: 'amqp',
        correlationId: 'c-1',
        traceparent,
        dryRun: false,
      },
    });
  });

  it('may say key and type in its body, where its client cannot set properties', () => {
    const bare = { messageId: undefined, type: undefined, contentType: undefined, userId: undefined };
    const { envelope } = read(published({ ...bare, body: { ...DEPOSIT, key: 'k', type: 'deposit' } }));
    expect(envelope).toMatchObject({ key: 'k', command: { type: 'deposit' }, actor: principalUuidOf('amqp', 'anonymous') });
    expect(read(published({ body: { ...DEPOSIT, key: 'k', type: 'deposit' } })).envelope.key).toBe('k');
    expect(reasonOf(published({ body: { ...DEPOSIT, key: 'other' } }))).toBe('malformed_request');
    expect(reasonOf(published({ body: { ...DEPOSIT, type: 'withdraw' } }))).toBe('malformed_request');
  });

  it('may be dated back', () => {
    expect(read(published({ body: { ...DEPOSIT, effectiveAt: '2026-01-02T03:04:05Z' } })).command).toHaveProperty('effectiveAt');
  });

  const BROKEN: readonly (readonly [string, string, Given])[] = [
    ['no JSON', 'malformed_request', { body: '{' }],
    ['no object', 'malformed_request', { body: '[]' }],
    ['no body', 'malformed_request', { body: '' }],
    ['no UTF-8', 'malformed_request', { body: Buffer.from([0x7b, 0xff, 0x7d]) }],
    ['a name twice', 'malformed_request', { body: `{"accountId":"${ACCOUNT}","asset":"USD","amount":"1","amount":"2"}` }],
    [
      'a number that a double rounds',
      'malformed_request',
      { body: `{"accountId":"${ACCOUNT}","asset":"USD","amount":"1","metadata":{"n":9007199254740993}}` },
    ],
    ['an unknown field', 'malformed_request', { body: { ...DEPOSIT, note: 'x' } }],
    ['no account', 'malformed_request', { body: { asset: 'USD', amount: '1.00' } }],
    ['an amount that is none', 'invalid_amount', { body: { ...DEPOSIT, amount: '-1' } }],
    ['another routing key', 'malformed_request', { routingKey: randomUUID() }],
    ['a routing key in capitals', 'malformed_request', { routingKey: ACCOUNT.toUpperCase() }],
    ['no key', 'idempotency_key_missing', { messageId: undefined }],
    ['a key of the ledger’s own', 'malformed_request', { messageId: 'sys:1' }],
    ['a key outside ASCII', 'malformed_request', { messageId: 'schlüssel' }],
    ['no type', 'malformed_request', { type: undefined }],
    ['a type that is none', 'malformed_request', { type: 'toString' }],
    ['another media type', 'unsupported_media_type', { contentType: 'text/plain' }],
    ['another charset', 'unsupported_media_type', { contentType: 'application/json; charset=latin1' }],
    ['an encoding', 'unsupported_media_type', { contentEncoding: 'gzip' }],
    ['a body too large', 'body_too_large', { body: { ...DEPOSIT, reference: 'x'.repeat(65_536) } }],
    ['an answer to the ledger’s own queue', 'malformed_request', { replyTo: 'ledger.commands.00' }],
  ];
  it.each(BROKEN)('with %s is dead: %s', (_fault, reason, given) => {
    expect(reasonOf(published(given))).toBe(reason);
  });
});

describe('a dead letter', () => {
  const headersOf = (message: ConsumeMessage) => deadLetterOf(message, 'forbidden', 'why', LEDGER).options.headers;

  it('has no text that is too long to be sent: bytes that are no UTF-8 become longer by being read', () => {
    const long = Buffer.alloc(255, 0xff).toString();
    const properties = {
      contentType: long,
      contentEncoding: long,
      messageId: long,
      type: long,
      correlationId: long,
      replyTo: long,
      appId: long,
    };
    const letter = deadLetterOf(published({ routingKey: long, ...properties }), 'malformed_request', '€'.repeat(1000), LEDGER);
    const { routingKey, options } = letter;
    for (const text of [routingKey, ...Object.keys(properties).map((name) => Reflect.get(options, name))])
      expect(text).toBe('\uFFFD'.repeat(85));
    expect(options.headers['x-detail']).toBe('€'.repeat(666));
    expect(redriven(delivered(letter), LEDGER).routingKey).toBe('\uFFFD'.repeat(85));
  });

  it('has no time that is none', () => {
    expect(deadLetterOf(published({ timestamp: 1_700_000_000 }), 'forbidden', 'why', LEDGER).options.timestamp).toBe(1_700_000_000);
    expect(deadLetterOf(published({ timestamp: 2 ** 64 }), 'forbidden', 'why', LEDGER).options).not.toHaveProperty('timestamp');
  });

  it('has the headers that can be sent, as far as they have room', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 5000; level += 1) deep = { deep };
    const sendable = { traceparent: 'kept', list: ['x', 1, 0.5, true, null], table: { bytes: Buffer.from([255]), '': '' } };
    const others = { deep, odd: { '!': 'nonsense' }, ['\uFFFD'.repeat(255)]: 'x', nan: Number.NaN, long: 'x'.repeat(3000) };
    const own = { 'x-reason': 'forbidden', 'x-detail': 'why', 'x-user-id': 'shop' };
    expect(headersOf(published({ headers: { ...others, ...sendable } }))).toEqual({ ...sendable, ...own });
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`header-${index}`, 'x']));
    const kept = Object.keys(headersOf(published({ headers: many })));
    expect(kept.length).toBeGreaterThan(50);
    expect(kept.length).toBeLessThan(150);
  });
});

describe('the gateway’s message', () => {
  const command = AccountCommandSchema.parse({ type: 'freeze-account', accountId: ACCOUNT, reason: 'lost' });
  const envelope: CommandEnvelope = {
    command,
    key: 'k',
    actor: randomUUID(),
    transport: 'rest',
    correlationId: 'request-1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    causationId: randomUUID(),
    onlyOwner: randomUUID(),
    ifMatch: 12n,
    dryRun: true,
  };
  const sent = (given: CommandEnvelope = envelope) =>
    delivered(formatCommand(given, { user: LEDGER, replyTo: 'amq.rabbitmq.reply-to', correlationId: 'r' }));

  it('carries everything that is known of the sender, over the same command', () => {
    expect(read(sent())).toEqual({ kind: 'command', isFromGateway: true, command, envelope });
  });

  it('may register assets', () => {
    const asset = RegisterAssetCommand.parse({ type: 'register-asset', code: 'GOLD', name: 'Gold', kind: 'coin', scale: 3 });
    expect(read(sent({ ...envelope, command: asset })).command).toEqual(asset);
  });

  it('may not be repeated by anybody else', () => {
    const { fields, content, properties } = sent();
    expect(reasonOf({ fields, content, properties: { ...properties, userId: 'shop' } })).toBe('forbidden');
    expect(reasonOf({ fields, content, properties: { ...properties, userId: undefined } })).toBe('forbidden');
  });

  it('is dead where its headers are not the ledger’s', () => {
    const { fields, content, properties } = sent();
    expect(reasonOf({ fields, content, properties: { ...properties, headers: { 'x-actor': 'a' } } })).toBe('malformed_request');
  });
});

describe('a reply', () => {
  const message = published({ replyTo: 'answers', correlationId: 'c-1' });
  const commandId = commandIdOf(ACCOUNT, 'k');
  const replied = (answer: CommandAnswer): OutgoingMessage => {
    const reply = formatReply(message, read(message), answer, LEDGER);
    if (reply === undefined) throw new Error('no reply');
    return reply;
  };
  const bodyOf = ({ content }: OutgoingMessage): unknown => JSON.parse(content.toString());

  it('is the answer of REST, and carries it to a gateway', () => {
    const applied: CommandAnswer = {
      status: 'applied',
      hit: true,
      commandId,
      accountId: AccountIdSchema.parse(ACCOUNT),
      revision: 9007199254740993n,
      position: 48211n,
      balances: [{ asset: AssetCodeSchema.parse('USD'), available: '90.00', held: '0.00' }],
      result: { entryId: randomUUID() },
    };
    const reply = replied(applied);
    expect(reply).toMatchObject({
      exchange: '',
      routingKey: 'answers',
      options: { type: 'command-result', correlationId: 'c-1', userId: LEDGER },
    });
    const { hit, ...body } = applied;
    expect(bodyOf(reply)).toEqual({ ...body, revision: '9007199254740993', position: '48211' });
    expect(parseReply(delivered(reply))).toEqual(applied);
  });

  it('is the problem of REST where the command was refused', () => {
    const stored: CommandAnswer = {
      status: 'rejected',
      hit: false,
      commandId,
      rejection: { code: 'insufficient_funds', detail: 'Only 1.00 USD is available.', fields: { asset: 'USD', available: '1.00' } },
      revision: 3n,
      position: 7n,
      correlationId: 'first-request',
    };
    const reply = replied(stored);
    expect(bodyOf(reply)).toEqual({
      commandId,
      accountId: ACCOUNT,
      status: 'rejected',
      problem: {
        type: '/problems/insufficient-funds',
        title: 'Not enough is available',
        status: 422,
        detail: 'Only 1.00 USD is available.',
        instance: 'first-request',
        code: 'insufficient_funds',
        commandId,
        revision: '3',
        position: '7',
        retryable: false,
        asset: 'USD',
        available: '1.00',
      },
    });
    expect(parseReply(delivered(reply))).toEqual(stored);

    const fresh: CommandAnswer = {
      status: 'rejected',
      hit: false,
      commandId,
      rejection: { code: 'account_not_found', detail: 'No account.', fields: {} },
    };
    expect(parseReply(delivered(replied(fresh)))).toEqual(fresh);
  });

  it('goes to nobody who has not asked', () => {
    const silent = published();
    const answer: CommandAnswer = {
      status: 'rejected',
      hit: false,
      commandId,
      rejection: { code: 'account_not_found', detail: 'No.', fields: {} },
    };
    expect(formatReply(silent, read(silent), answer, LEDGER)).toBeUndefined();
  });
});
