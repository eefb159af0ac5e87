import { Command } from 'commander';
import type { Checkpoint, CheckpointSigner } from '../audit/chain-checkpoint.ts';
import type { ChainReport, Trusted } from '../audit/chain-ledger.ts';
import { signAfterRestore, signLedgerChain, verifyLedgerChain } from '../audit/chain-ledger.ts';
import { verifyExport } from '../audit/export-check.ts';
import { lineOfFinding } from '../audit/findings.ts';
import { addChainKey, chainPublicKeys, chainSigningKey } from '../identity/chain-keys.ts';
import { keySecretFor, wrongKeySecretSaid } from '../identity-setup.ts';
import { exitCodes } from './exit-codes.ts';
import { openIdentityDatabase } from './identity-database.ts';
import type { Tools } from './log-tools.ts';
import { openTools } from './log-tools.ts';
import { jsonLine, print } from './output.ts';
import { oneLine } from './printable.ts';
import { tellReading } from './reading-progress.ts';
import type { TrustOptions } from './trusted.ts';
import { CHECKPOINT_OPTION, KEY_OPTION, trustedBy } from './trusted.ts';

/** What was asked of `ledger chain` cannot be meant: an export without a key to check it with. */
export class ChainMisuse extends Error {
  override readonly name = 'ChainMisuse';
}

interface Output {
  readonly json?: true;
}

/** `ledger chain`: the signed chain of hashes over the log, by which a change of it is found; see docs/audit.md. */
export function chainCommand(): Command {
  return new Command('chain')
    .description('sign the log, and check that it is as it was signed')
    .addCommand(signCommand())
    .addCommand(verifyCommand())
    .addCommand(keyCommand());
}

function signCommand(): Command {
  return new Command('sign')
    .description('sign the log as far as it is now; prints the checkpoint')
    .option(
      '--after-restore <reason>',
      'the log was restored from an older copy: sign what it has, and say for good that what was signed after that copy is lost',
    )
    .action(async ({ afterRestore }: { readonly afterRestore?: string }) => {
      await using tools = await openTools('chain sign');
      const checkpoint = await signed(tools, afterRestore);
      if (checkpoint !== undefined) await print([jsonLine(checkpoint)]);
      else
        tools.onProgress(
          afterRestore === undefined
            ? 'The log is empty: there is nothing to sign.'
            : 'The log has everything that was signed: there is nothing to give up.',
        );
    });
}

/** What signs the chain; made at its first use. */
export const chainSigner = ({ config, database }: Pick<Tools, 'config' | 'database'>): Promise<CheckpointSigner> =>
  wrongKeySecretSaid(() => chainSigningKey(database.db, keySecretFor(config)));

async function signed(tools: Tools, afterRestore: string | undefined): Promise<Checkpoint | undefined> {
  const { database, store, onProgress } = tools;
  const options = { db: database.db, store, signer: await chainSigner(tools), onProgress: tellReading(onProgress) };
  return afterRestore === undefined ? signLedgerChain(options) : signAfterRestore(options, afterRestore);
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('check that the log, or an export of it, is as it was signed; 1 where it is not')
    .argument('[file]', 'an export (`ledger export jsonl`), checked with this file and the public key alone; without it: the log')
    .option(...KEY_OPTION)
    .option(...CHECKPOINT_OPTION)
    .option('--json', 'print JSON')
    .action(async (file: string | undefined, { json, ...options }: Output & TrustOptions) => {
      const trusted = trustedBy(options);
      const report = file === undefined ? await verifyLog(trusted) : await verifyFile(file, trusted);
      await print(json ? [asJson(report)] : textOf(report).map((line) => `${line}\n`));
      if (report.findings.length > 0) process.exitCode = exitCodes.failed;
    });
}

async function verifyFile(file: string, { keys, kept }: Trusted): Promise<ChainReport> {
  if (keys === undefined) throw new ChainMisuse('say with which public key the export is to be checked: --key FILE');
  return verifyExport(file, { keys, kept });
}

async function verifyLog(trusted: Trusted): Promise<ChainReport> {
  await using tools = await openTools('chain verify');
  const { database, store, onProgress } = tools;
  return await verifyLedgerChain({ db: database.db, store, onProgress: tellReading(onProgress) }, trusted);
}

const textOf = ({ events, proven, provenBy, checkpoints, abandoned, findings }: ChainReport): readonly string[] => {
  const unproven = events - proven;
  const why = provenBy === undefined ? 'no checkpoint proves any' : 'they follow the last checkpoint that holds';
  return [
    ...findings.map((finding) => oneLine(lineOfFinding(finding))),
    `${events} events, ${checkpoints} checkpoints${abandoned > 0 ? `, and ${abandoned} given up after a restore` : ''}.`,
    ...(provenBy === undefined ? [] : [`${proven} events are as they were signed at ${provenBy.signedAt} with key ${provenBy.kid}.`]),
    ...(unproven > 0n ? [`${unproven} events are unproven: ${why}.`] : []),
  ];
};

/** With what follows the last checkpoint that holds. */
const asJson = (report: ChainReport): string => jsonLine({ ...report, unproven: report.events - report.proven });

function keyCommand(): Command {
  return new Command('key')
    .description('print the public keys of the chain as a JWK Set, the newest first')
    .option('--new', 'make a new key first, which signs from now on; what the others signed stays good')
    .action(async ({ new: isNew }: { readonly new?: true }) => {
      await using opened = await openIdentityDatabase('chain key');
      const { config, database } = opened;
      const secret = keySecretFor(config);
      if (isNew) await addChainKey(database.db, secret);
      let keys = await chainPublicKeys(database.db);
      if (keys.length === 0) {
        await chainSigningKey(database.db, secret);
        keys = await chainPublicKeys(database.db);
      }
      await print([`${JSON.stringify({ keys }, null, 2)}\n`]);
    });
}
