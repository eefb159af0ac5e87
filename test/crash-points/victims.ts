// Ledger processes that end at a crash point, and which of them reach which point.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { CrashPoint } from '../../src/crash-points.ts';
import { CRASH_AT } from '../../src/crash-points.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { ledgerEnvironment, spawnLedger } from '../stack/ledger-process.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';

/** A point, and what is left of what was under way there. */
interface Row {
  readonly point: CrashPoint;
  /** Which time; the first where nothing is said. */
  readonly nth?: number;
}

/** Over REST, in one process: whether the log has the command then, and whether its sender has the answer. */
export const REQUESTS = [
  { point: 'request received', nth: 2, isStored: false, isAnswered: false },
  { point: 'append to be sent', nth: 2, isStored: false, isAnswered: false },
  { point: 'append answered', nth: 2, isStored: true, isAnswered: false },
  { point: 'response written', nth: 2, isStored: true, isAnswered: true },
] as const satisfies readonly (Row & { readonly isStored: boolean; readonly isAnswered: boolean })[];

/** Those that change something by another method than POST. */
export const CHANGES = [
  { method: 'PUT', path: 'limits', body: { asset: 'USD', perDay: '5.00' }, point: 'request received', isStored: false },
  { method: 'PUT', path: 'limits', body: { asset: 'USD', perDay: '5.00' }, point: 'response written', isStored: true },
  { method: 'DELETE', path: 'coins/BTC', point: 'request received', isStored: false },
  { method: 'DELETE', path: 'coins/BTC', point: 'response written', isStored: true },
] as const satisfies readonly (Row & {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly isStored: boolean;
})[];

/** Over REST, with a broker: whether the broker has the command then. `respond-async` is told when the broker has it. */
export const BROKERED_REQUESTS = [
  { point: 'command to be published', isAsync: false, isPublished: false },
  { point: 'command confirmed', isAsync: false, isPublished: true },
  { point: 'receipt to be written', isAsync: true, isPublished: false },
  { point: 'receipt written', isAsync: true, isPublished: false },
  { point: 'response written', isAsync: true, isPublished: true },
] as const satisfies readonly (Row & { readonly isAsync: boolean; readonly isPublished: boolean })[];

export const CONSUMERS = [
  { point: 'delivery taken' },
  { point: 'append to be sent' },
  { point: 'append answered' },
  { point: 'reply to be published' },
  { point: 'reply confirmed' },
  { point: 'delivery to be acknowledged' },
  { point: 'receipt to be written' },
  { point: 'receipt written' },
  { point: 'dead letter to be published' },
  { point: 'dead letter confirmed' },
] as const satisfies readonly Row[];

/** In this order: each goes on where the one before it has left off. */
export const PUBLISHERS = [
  { point: 'lease taken' },
  { point: 'lease renewed' },
  { point: 'event to be published', nth: 2 },
  { point: 'event confirmed', nth: 3 },
  { point: 'place to be saved' },
  { point: 'place saved' },
] as const satisfies readonly Row[];

/** A transfer is two appends: the recipient's answer, then the sender's end. */
export const SCHEDULERS = [
  { point: 'lease taken' },
  { point: 'append to be sent' },
  { point: 'append answered' },
  { point: 'append to be sent', nth: 2 },
  { point: 'append answered', nth: 2 },
  { point: 'append answered', nth: 3 },
  { point: 'place to be saved' },
  { point: 'place saved' },
  { point: 'chain checkpoint to be kept' },
  { point: 'chain checkpoint kept' },
] as const satisfies readonly Row[];

/** Whether the tables have the batch then. */
export const PROJECTORS = [
  { point: 'lease taken', isApplied: false },
  { point: 'batch to be projected', isApplied: false },
  { point: 'rows written', isApplied: false },
  { point: 'batch to be committed', isApplied: false },
  { point: 'batch committed', isApplied: true },
  { point: 'lease renewed', isApplied: true },
] as const satisfies readonly (Row & { readonly isApplied: boolean })[];

/** After the last two, the next one finds what is left of the replaced tables. */
export const REBUILDS = [
  { point: 'shadow batch to be committed' },
  { point: 'shadow batch committed' },
  { point: 'swap to be committed' },
  { point: 'replaced table dropped' },
  { point: 'swap committed' },
] as const satisfies readonly Row[];

type Environment = Readonly<Record<string, string>>;

const settingOf = ({ point, nth = 1 }: Row): Environment => ({ [CRASH_AT]: `${point}:${nth}` });
const expectKilledAt = ({ point }: Row, signal: unknown, stderr: string): void => {
  expect({ signal, point: /^crash point: (.+)$/m.exec(stderr)?.[1] }, stderr).toEqual({ signal: 'SIGKILL', point });
};

/** A process with the API, ready, that will end there: nothing at a start reaches the point. */
export async function spawnVictim(
  row: Row,
  environment: Environment,
): Promise<{ readonly apiUrl: string; readonly ledger: LedgerProcess; killed(): Promise<void> }> {
  const ledger = await spawnLedger({ ...environment, ...settingOf(row) });
  onTestFinished(ledger.close);
  return {
    apiUrl: ledger.apiUrl,
    ledger,
    async killed() {
      const { signal } = await ledger.exited;
      expectKilledAt(row, signal, ledger.stderr());
    },
  };
}

const program = join(import.meta.dirname, '../../src/cli/ledger.ts');

/** Runs a verb until it has ended there. */
export async function runVictim(row: Row, args: readonly string[], environment: Environment): Promise<void> {
  const dataDir = await scratchFolder();
  const env = ledgerEnvironment({ ...environment, ...settingOf(row), LEDGER_DATA_DIR: dataDir });
  const child = spawn(process.execPath, [program, ...args], { env, cwd: tmpdir(), stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL'); // where the point was never reached
    await closed;
    await rm(dataDir, { recursive: true, force: true });
  });
  const [stderr, [, signal]] = await Promise.all([child.stderr.toArray(), closed]);
  expectKilledAt(row, signal, stderr.join(''));
}
