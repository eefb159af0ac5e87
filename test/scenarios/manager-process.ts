// A transfer manager in a process of its own that ends as by a power cut: before it sends its n-th command, or right after that
// was applied. Arguments: the stores' addresses, `before` or `after`, and n.
import { pino } from 'pino';
import { makeCommandSide } from '../../src/commands/command-side.ts';
import { makeTransferManager } from '../../src/commands/transfer-manager.ts';
import { connectEventStore } from '../../src/eventstore/client.ts';
import { openDatabase } from '../../src/postgres/pool.ts';
import { watchPosition } from '../../src/projections/position.ts';

const [databaseUrl = '', eventStoreUrl = '', when = '', nth = ''] = process.argv.slice(2);
const database = openDatabase(databaseUrl, { maxConnections: 5 });
const store = connectEventStore(eventStoreUrl);
const commands = makeCommandSide({
  store,
  db: database.db,
  admission: () => undefined,
  observe: { answered: () => {}, appended: () => {}, conflicted: () => {}, failed: () => {} },
  limits: { mailboxCommands: 1000, queueCommands: 1000, cachedAccounts: 1000, doubtBudgetMs: 10_000, conflictBudgetMs: 10_000 },
});
/** In the order in which they were first sent: a command that is tried again is the same one. */
const keys = new Set<string>();
const dieIf = (isDue: boolean): void => {
  if (isDue) process.kill(process.pid, 'SIGKILL');
};
makeTransferManager({
  db: database.db,
  store,
  bus: {
    send: async (envelope) => {
      keys.add(envelope.key);
      const isTheOne = [...keys][Number(nth) - 1] === envelope.key;
      dieIf(isTheOne && when === 'before');
      const answer = await commands.handle(envelope);
      dieIf(isTheOne && when === 'after' && answer.status === 'applied');
      return answer;
    },
  },
  position: watchPosition(database),
  owner: 'child',
  leaseMs: 200,
  logger: pino({ level: 'silent' }),
}).start();
