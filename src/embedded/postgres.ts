import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type DetachedProcess, lastLines, spawnDetached } from './detached-process.ts';
import { type EmbeddedServer, EmbeddedServerError } from './embedded-server.ts';
import { freePort } from './free-port.ts';
import { type Account, canReach, postgresAccount, withAccess } from './postgres-account.ts';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.ts';
import { saysReady, settleLeftoverPostgres } from './postmaster-pid.ts';

export interface EmbeddedPostgresOptions {
  /** The ledger's data folder: the database lives in `postgres` below it, its log in `postgres.log`. */
  readonly dataDir: string;
  /** Further settings of the server, over the ones chosen here; see `serverSettings`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told what takes time, for whoever waits at a terminal. */
  readonly onProgress?: (message: string) => void;
}

const accessSchema = z.object({ port: z.int().min(1).max(65535).optional(), password: z.string().min(1) });
type Access = z.output<typeof accessSchema>;

const user = 'ledger';
/** `initdb` makes this database; a second one would only be one more name to know. */
const database = 'postgres';

/** Recovery after a crash replays up to `max_wal_size` of log, on a slow disk at some 20 MB/s. */
const startTimeoutMs = 180_000;
const stopGraceMs = 20_000;

/**
 * Settings that differ from what Postgres itself would choose. `fsync`, `full_page_writes` and `synchronous_commit` stay
 * on: the projections could be replayed from the log, but users, receipts and checkpoints live here too, and reads must
 * never go back behind a position that a client has already seen, whatever crashes.
 */
const serverSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket's path is at most 107 bytes long, which a deep data folder exceeds, and /tmp is everybody's.
  unix_socket_directories: '',
  // Several pools of one machine, a rebuild and a curious psql; each costs a few hundred kilobytes only once used.
  max_connections: '100',
  shared_buffers: '256MB',
  // Projections write in bursts: fewer checkpoints means fewer full-page images and a flatter latency.
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  wal_compression: 'on',
  // Statements here run for less than it takes to compile them.
  jit: 'off',
  // One SSD, not a rotating disk.
  random_page_cost: '1.1',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/**
 * Starts a Postgres of one's own on the loopback interface, creating it on first use: a random password and the port are
 * remembered in `postgres-access.json` (0600), so a second start continues where the first one ended. A server or a
 * `postmaster.pid` left behind by a SIGKILL is dealt with.
 *
 * The caller must hold the lock of the data folder.
 *
 * @throws with the end of the server's own log when it does not come up.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedServer> {
  const dataDir = resolve(options.dataDir);
  const folder = join(dataDir, 'postgres');
  const logFile = join(dataDir, 'postgres.log');
  // Postgres may run as another user, who must be able to pass through this folder, not to list it.
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const run: Runner = runner(await postgresBinaries(), postgresAccount(), dataDir, logFile);
  const access = readAccess(dataDir);
  if (!existsSync(folder)) {
    // Before the database: with the password lost, nobody could ever open it.
    writeAccess(dataDir, access);
    options.onProgress?.('creating a Postgres database');
    await create(run, folder, access.password);
  }
  await settleLeftoverPostgres(folder, stopGraceMs);

  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(access.port);
    writeAccess(dataDir, { ...access, port });
    options.onProgress?.(`starting Postgres on port ${port}`);
    const server = await run('postgres', ['-D', folder, '-p', String(port), ...asFlags({ ...serverSettings, ...options.settings })]);
    const failure = await untilReady(server, folder);
    if (failure === undefined) {
      const url = `postgres://${user}:${access.password}@127.0.0.1:${port}/${database}`;
      return { url, pid: server.pid, exited: server.exited, stop: () => server.stop(stopGraceMs) };
    }
    await server.stop(stopGraceMs);
    // Somebody took the port in between, or a backend of a killed server still holds its shared memory: both pass.
    if (attempt === 5) throw new EmbeddedServerError(`Postgres ${failure}; its log (${logFile}) ends:\n${lastLines(logFile)}`);
    await new Promise((done) => setTimeout(done, 300 * attempt));
  }
}

type Runner = (program: keyof PostgresBinaries, args: readonly string[]) => Promise<DetachedProcess>;

function runner(binaries: PostgresBinaries, account: Account | undefined, dataDir: string, logFile: string): Runner {
  const needsAccess = account !== undefined && !(canReach(account, binaries.postgres) && canReach(account, join(dataDir, 'postgres')));
  return (program, args) => {
    const plain = { command: binaries[program], args };
    return spawnDetached({
      ...(needsAccess ? withAccess(account, plain.command, plain.args) : plain),
      account: needsAccess ? undefined : account,
      logFile,
      directory: dataDir,
      // Fast shutdown: sessions are ended, nothing is lost. Then immediate, which costs a recovery at the next start.
      stopSignals: ['SIGINT', 'SIGQUIT'],
      // The bundled server has no message catalogues, and its log should read the same everywhere.
      environment: { PATH: process.env['PATH'], LC_ALL: 'C', LANG: 'C', TZ: 'UTC' },
    });
  };
}

/** Creates the database beside its final place and then renames it, so that an interrupted creation leaves nothing half done. */
async function create(run: Runner, folder: string, password: string): Promise<void> {
  const draft = `${folder}.new`;
  const passwordFile = `${folder}.password`;
  const account = postgresAccount();
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) {
    chownSync(draft, account.uid, account.gid);
    chownSync(passwordFile, account.uid, account.gid);
  }
  try {
    const initdb = await run('initdb', [
      `--pgdata=${draft}`,
      `--username=${user}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      // Sorts by code point and knows upper and lower case, the same on every machine.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
    ]);
    const outcome = await initdb.exited;
    if (outcome !== 'ended with code 0') throw new EmbeddedServerError(`initdb ${outcome}:\n${lastLines(`${folder}.log`)}`);
    renameSync(draft, folder);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function untilReady(server: DetachedProcess, folder: string): Promise<string | undefined> {
  let ended: string | undefined;
  void server.exited.then((how) => {
    ended = how;
  });
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    if (ended !== undefined) return ended;
    if (saysReady(folder, server.pid)) return undefined;
    await new Promise((done) => setTimeout(done, 15));
  }
  return `was not ready after ${startTimeoutMs / 1000} s`;
}

function asFlags(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function readAccess(dataDir: string): Access {
  const file = join(dataDir, 'postgres-access.json');
  if (existsSync(file)) return accessSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return { password: randomBytes(24).toString('base64url') };
}

function writeAccess(dataDir: string, access: Access): void {
  const file = join(dataDir, 'postgres-access.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}
