// What an error that ends a verb says to the shell.
import { CommanderError } from 'commander';
import { BackupDamaged } from '../audit/backup/manifest.ts';
import { RestoreRefused } from '../audit/backup/restore-backup.ts';
import { BackupExists } from '../audit/backup/take-backup.ts';
import { RestoreUnfinished } from '../audit/backup/unfinished-restore.ts';
import { ChainBroken } from '../audit/chain-ledger.ts';
import { SwapRefused } from '../audit/swap-rebuild.ts';
import { ConfigError } from '../config.ts';
import { NotRedriven } from '../consumers/dead-letters.ts';
import { DataDirLockedError } from '../embedded/data-dir-lock.ts';
import { EmbeddedServerError } from '../embedded/embedded-server.ts';
import { StoreUnavailable, UnreadableEvent } from '../eventstore/errors.ts';
import { CheckpointMismatch, UnappliableEvent } from '../projections/errors.ts';
import { NotHaltedThere } from '../projections/halt.ts';
import { RebuildUnderWay } from '../projections/shadow.ts';
import { BrokerOutOfReach } from './broker.ts';
import { ChainMisuse } from './chain.ts';
import { DlqMisuse } from './dlq.ts';
import { exitCodes } from './exit-codes.ts';
import { IdentityMisuse } from './identity-database.ts';
import { NothingThere } from './nothing-there.ts';
import { NotTrustworthy } from './trusted.ts';

const networkFailures = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  // Postgres is starting up, shutting down, or takes no more connections (its classes 57P and 53300).
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);

const MISUSES = [
  ConfigError,
  BackupExists,
  RestoreRefused,
  DataDirLockedError,
  NotHaltedThere,
  ChainMisuse,
  DlqMisuse,
  IdentityMisuse,
  NotTrustworthy,
  RebuildUnderWay,
];
const OUT_OF_REACH = [EmbeddedServerError, StoreUnavailable, BrokerOutOfReach, NotRedriven];
const FINDINGS = [NothingThere, BackupDamaged, ChainBroken, CheckpointMismatch, UnreadableEvent, UnappliableEvent, SwapRefused];

/** What a check finds, and no defect of whatever found it: told without a stack. */
export const isFinding = (error: unknown): boolean =>
  error instanceof RestoreUnfinished ? isFinding(error.cause) : FINDINGS.some((finding) => error instanceof finding);

/** The exit code for an error, found by looking through its causes. */
export function exitCodeOf(error: unknown): number {
  for (const cause of causesOf(error)) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? exitCodes.ok : exitCodes.wrongUse;
    if (MISUSES.some((misuse) => cause instanceof misuse)) return exitCodes.wrongUse;
    if (OUT_OF_REACH.some((failure) => cause instanceof failure)) return exitCodes.outOfReach;
    if ('code' in cause && typeof cause.code === 'string' && networkFailures.has(cause.code)) return exitCodes.outOfReach;
  }
  return exitCodes.failed;
}

/** The error, its causes and, of an error that holds several, those too. */
function causesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? error.errors : [];
  return [error, ...inner.flatMap(causesOf), ...causesOf(error.cause)];
}
