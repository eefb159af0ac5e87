import { afterAll, beforeAll, describe } from 'vitest';
import { makeInProcessBus } from '../../src/commands/in-process-bus.ts';
import { describeBus } from './bus-contract.ts';
import type { CommandStack } from './command-stack.ts';
import { startCommandStack } from './command-stack.ts';

describe('the in-process bus', () => {
  let stack: CommandStack;
  beforeAll(async () => {
    stack = await startCommandStack();
  });
  afterAll(() => stack.close());
  describeBus('in process', () => makeInProcessBus(stack.commands));
});
