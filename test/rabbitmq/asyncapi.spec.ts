// The AsyncAPI document: it is the one that is committed, it is valid, and what it shows is true.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Parser } from '@asyncapi/parser';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { INTEGRATION_EVENT_TYPES } from '../../src/consumers/integration-events.ts';
import { COMMANDS } from '../../src/domain/commands.ts';
import { asyncApiDocument } from '../../src/rabbitmq/asyncapi.ts';

const ROOT = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const written = `${JSON.stringify(asyncApiDocument(version), undefined, 2)}\n`;
const Message = z.looseObject({
  payload: z.record(z.string(), z.unknown()),
  examples: z.array(z.object({ payload: z.unknown() })).optional(),
});
const { components } = z
  .object({ components: z.object({ messages: z.record(z.string(), Message), schemas: z.record(z.string(), z.unknown()) }) })
  .parse(JSON.parse(written));

test('docs/asyncapi.json is current (write it anew with: npx vitest run test/rabbitmq/asyncapi.spec.ts -u)', async () => {
  await expect(written).toMatchFileSnapshot(join(ROOT, 'docs/asyncapi.json'));
});

test('a parser of AsyncAPI has nothing to complain of', async () => {
  const { document, diagnostics } = await new Parser().parse(written);
  // 3.1 differs in nothing that is used here, and fewer tools read it.
  expect(diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version')).toEqual([]);
  expect(
    document
      ?.operations()
      .all()
      .map((operation) => `${operation.action()} ${operation.id()}`),
  ).toEqual(['receive decideCommand', 'send tellEvent', 'send keepDeadLetter']);
});

test('it has every command and every event', () => {
  const told = INTEGRATION_EVENT_TYPES.map((type) => `ledger.account.${type}.v1`);
  expect(Object.keys(components.messages).sort()).toEqual([...Object.keys(COMMANDS), ...told, 'applied', 'rejected', 'dead-letter'].sort());
});

describe.each(Object.entries(COMMANDS))('%s', (type, schema) => {
  const message = components.messages[type];
  test('its example is such a command, by the document and by the schema that checks it', () => {
    const ajv = formats.default(new Ajv({ strict: false }));
    ajv.addSchema({ $id: 'document', components });
    const payload = JSON.parse(JSON.stringify(message?.payload).replaceAll('"#/components/', '"document#/components/'));
    const [example] = message?.examples ?? [];
    expect(ajv.validate(payload, example?.payload), ajv.errorsText()).toBe(true);
    expect(ajv.validate(payload, { ...(example?.payload as object), accountId: 'somebody' })).toBe(false);
    expect(schema.safeParse({ type, ...(example?.payload as object) })).toMatchObject({ success: true });
  });
});
