// The bus of one process: a command goes straight into its account's mailbox.
import type { CommandBus } from './bus.ts';
import type { CommandHandler } from './handler.ts';

export const makeInProcessBus = (handler: Pick<CommandHandler, 'handle' | 'drain'>): CommandBus => ({
  send: (envelope) => handler.handle(envelope),
  close: () => handler.drain(),
});
