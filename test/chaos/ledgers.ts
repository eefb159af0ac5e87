// Two ledger processes with all roles, each behind links of its own to everything it speaks to.
import { writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, sendSignal } from '../../src/embedded/process-identity.ts';
import type { LedgerProcess } from '../stack/ledger-process.ts';
import { spawnLedger } from '../stack/ledger-process.ts';
import { PATIENCE_MS } from '../stack/patience.ts';
import { scratchFolder } from '../stack/scratch-folder.ts';
import { TEST_KEY_SECRET } from '../stack/tokens.ts';
import type { Link } from './link.ts';
import { openLink } from './link.ts';
import { NotRevived } from './not-revived.ts';

export interface LedgerServers {
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
  /** Absent: commands stay inside each process. */
  readonly amqpUrl: string | undefined;
}

export interface LedgerLinks {
  readonly client: Link;
  readonly eventStore: Link;
  readonly postgres: Link;
  readonly broker: Link;
}

export interface ChaosLedger extends AsyncDisposable {
  /** Where clients reach it, over their link; the same after every restart. */
  readonly url: string;
  readonly links: LedgerLinks;
  /** False: it was not running. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): boolean;
  /** Sets its clock so far ahead of the true time. @returns false where it does not say within a second that it is. */
  setClock(aheadMs: number): Promise<boolean>;
  /** Starts it again if it has ended, and waits until it is ready. @throws why it was not within that time */
  revive(withinMs: number): Promise<void>;
  /** Why it is not ready, with what it wrote last; undefined where it is. */
  whyNotReady(): Promise<string | undefined>;
  /** Whether that process is it, or was before it was started again. */
  wasProcess(pid: number): boolean;
  /** A token for 15 minutes. */
  operatorToken(): Promise<string>;
  /** What it wrote before it ended by itself, each time since it was asked last: nobody had killed it. */
  accidents(): readonly string[];
}

export interface ChaosLedgerOptions {
  readonly servers: LedgerServers;
  readonly settings?: Readonly<Record<string, string>>;
  /** Parameters of the event store's URL: clients of one log that wait for different times. */
  readonly eventStoreParameters?: string;
  /** Modules to load before the program. */
  readonly preloads?: readonly string[];
}

const CLOCK = join(import.meta.dirname, 'shifted-clock.ts');
const OPERATOR_ID = '0d0e7e10-9e5e-4c0b-8f00-1edce7f01d00';
const SAID_WITHIN_MS = 1_000;
const LAST_WORDS = 3_000;
const BETWEEN_TRIES_MS = 200;

/** What it said of its readiness comes first, and what it wrote last is at the end. */
const shortened = (text: string): string =>
  text.length <= 2 * LAST_WORDS ? text : `${text.slice(0, LAST_WORDS)} … ${text.slice(-LAST_WORDS)}`;

const portOf = (url: string): number => Number(new URL(url).port);
function through(url: string, link: Link): string {
  const passed = new URL(url);
  passed.port = String(link.port);
  return passed.href;
}

export async function startChaosLedger(options: ChaosLedgerOptions): Promise<ChaosLedger> {
  const { servers, settings = {}, eventStoreParameters = '', preloads = [] } = options;
  await using opened = new AsyncDisposableStack();
  const folder = await scratchFolder();
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const clockFile = join(folder, 'clock');
  await writeFile(clockFile, '0');
  let ledger: LedgerProcess | undefined;
  const linkTo = async (port: () => number): Promise<Link> => opened.adopt(await openLink(port), ({ close }) => close());
  const links: LedgerLinks = {
    // While it is not there, nobody listens on port 1.
    client: await linkTo(() => (ledger === undefined ? 1 : portOf(ledger.apiUrl))),
    eventStore: await linkTo(() => portOf(servers.eventStoreUrl)),
    postgres: await linkTo(() => portOf(servers.databaseUrl)),
    broker: await linkTo(() => portOf(servers.amqpUrl ?? 'http://127.0.0.1:1')),
  };
  const environment = {
    EVENTSTORE_URL: `${servers.eventStoreUrl.replace(/:\d+\?/, `:${links.eventStore.port}?`)}${eventStoreParameters}`,
    DATABASE_URL: through(servers.databaseUrl, links.postgres),
    ...(servers.amqpUrl === undefined ? { LEDGER_EMBEDDED_BROKER: 'false' } : { AMQP_URL: through(servers.amqpUrl, links.broker) }),
    LEDGER_KEY_SECRET: TEST_KEY_SECRET,
    CHAOS_CLOCK_FILE: clockFile,
    NODE_OPTIONS: [CLOCK, ...preloads].map((file) => `--import=${file}`).join(' '),
    ...settings,
  };
  let ended: Promise<unknown> = Promise.resolve();
  let accidents: string[] = [];
  let wasKilled = false;
  const pids = new Set<number>();
  const closing = new AbortController();
  const isClosed = (): boolean => closing.signal.aborted;
  let starting: Promise<void> | undefined;
  const isAlive = (): boolean => ledger !== undefined && isRunning(ledger.pid);

  async function start(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    await ended;
    await ledger?.close();
    ledger = undefined;
    // It ends where a server is away just as it starts.
    for (;;) {
      if (isClosed()) return;
      writeFileSync(clockFile, '0');
      try {
        const patienceMs = Math.max(0, deadline - performance.now());
        const started = await spawnLedger(environment, [], { patienceMs, signal: closing.signal });
        ledger = started;
        pids.add(started.pid);
        wasKilled = false;
        ended = started.exited.then(({ code, signal }) => {
          if (!wasKilled) accidents.push(`ended with ${signal ?? `code ${code}`}: ${started.stderr().slice(-LAST_WORDS)}`);
        });
        return;
      } catch (error) {
        if (isClosed()) return;
        if (performance.now() > deadline) throw new NotRevived(shortened(String(error)));
        await sleep(BETWEEN_TRIES_MS);
      }
    }
  }
  const startOnce = (withinMs: number): Promise<void> => {
    starting ??= start(withinMs).finally(() => {
      starting = undefined;
    });
    return starting;
  };

  await startOnce(PATIENCE_MS);
  opened.defer(async () => {
    wasKilled = true;
    closing.abort();
    await starting?.catch(() => undefined);
    if (ledger !== undefined) sendSignal(ledger.pid, 'SIGCONT');
    await ledger?.stop('SIGKILL');
    await ledger?.close();
  });
  const kept = opened.move();
  return {
    url: `http://127.0.0.1:${links.client.port}`,
    links,
    signal(signal) {
      if (ledger === undefined || !isAlive()) return false;
      if (signal === 'SIGKILL') wasKilled = true;
      sendSignal(ledger.pid, signal);
      return true;
    },
    async setClock(aheadMs) {
      if (ledger === undefined || !isAlive()) return false;
      const before = ledger.stderr().length;
      writeFileSync(clockFile, String(aheadMs));
      process.kill(ledger.pid, 'SIGWINCH');
      for (const until = performance.now() + SAID_WITHIN_MS; performance.now() < until; await sleep(10))
        if (ledger?.stderr().slice(before).includes(`the clock is ${aheadMs} ms ahead`) === true) return true;
      return false;
    },
    async revive(withinMs) {
      if (starting !== undefined || wasKilled || !isAlive()) await startOnce(withinMs);
    },
    async whyNotReady() {
      if (ledger === undefined) return 'it does not run';
      const said = `it wrote: ${ledger.stderr().slice(-LAST_WORDS)}`;
      try {
        const answer = await fetch(`${ledger.apiUrl}/health/ready`, { signal: AbortSignal.timeout(2_000) });
        return answer.status === 200 ? undefined : `${answer.status} ${await answer.text()}; ${said}`;
      } catch (error) {
        return `${error}; ${said}`;
      }
    },
    wasProcess: (pid) => pids.has(pid),
    operatorToken: async () => ledger?.token('operator', OPERATOR_ID) ?? '',
    accidents() {
      const told = accidents;
      accidents = [];
      return told;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
