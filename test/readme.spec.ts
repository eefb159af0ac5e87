// The README, carried out: every command in it is run by a real shell, and every answer in it is compared with the real one.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ledgerEnvironment } from './stack/ledger-process.ts';
import { PATIENCE_MS } from './stack/patience.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const DOCUMENTED_URL = 'http://127.0.0.1:3000';
/** Printed between the output of two commands. */
const MARK = '~~~~ next ~~~~';

interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks below a heading, up to the next one of its level. */
function blocksUnder(heading: string): readonly Block[] {
  const [, section = ''] = readme.split(`\n## ${heading}\n`);
  const [body = ''] = section.split('\n## ');
  return [...body.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({ language, text: text.trim() }));
}

const dataDir = await mkdtemp(join(tmpdir(), 'ledger-readme-'));
afterAll(() => rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));

interface Running {
  readonly apiUrl: string;
  /** The commands that it says to try. */
  readonly toTry: readonly string[];
  /** Ctrl-C: SIGINT to everything in the foreground. Gives how it ended and what it wrote. */
  interrupt(): Promise<void>;
}

/** `npm start`, as in a terminal, but with a data folder of its own and any free port. */
async function npmStart(): Promise<Running> {
  const child: ChildProcess = spawn('npm', ['start'], {
    cwd: root,
    env: ledgerEnvironment({ LEDGER_DATA_DIR: dataDir }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, as a terminal gives to what runs in its foreground
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const ended = once(child, 'close');
  const interrupt = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
    await ended;
  };
  const announced = new Promise<string>((resolve) => {
    child.stdout?.on('data', () => {
      const [, apiUrl] = /API\s+(http:\/\/\S+)\/v1/.exec(output) ?? [];
      if (apiUrl !== undefined) resolve(apiUrl);
    });
  });
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  const apiUrl = await Promise.race([announced, ended, once(deadline, 'abort')]);
  if (typeof apiUrl === 'string') return { apiUrl, toTry: [...output.matchAll(/^ +(curl .*)$/gm)].map(([, line = '']) => line), interrupt };
  await interrupt();
  throw new Error(`npm start did not get as far as an API; it wrote:\n${output}`);
}

/** What a shell in the checkout prints that is given those commands. */
function run(script: string): string {
  const { status, stdout, stderr, error } = spawnSync('/bin/sh', ['-euc', script], {
    cwd: root,
    encoding: 'utf8',
    env: ledgerEnvironment({ LEDGER_DATA_DIR: dataDir }),
  });
  if (error !== undefined || status !== 0)
    throw new Error(`these commands ended with ${status ?? error?.message}: ${stderr}\n${stdout}\n${script}`);
  return stdout;
}

interface Pasted {
  readonly command: string;
  readonly printed: string;
  /** What is shown below the command, if anything. */
  readonly answer: Block | undefined;
}

/** The commands of a section, pasted one after another into one shell in the checkout, so that its variables live. */
function paste(heading: string, apiUrl: string): readonly Pasted[] {
  const blocks = blocksUnder(heading);
  const commands = blocks.flatMap(({ language, text }, at) => (language === 'sh' ? [{ command: text, below: blocks[at + 1] }] : []));
  const script = commands.map(({ command }) => command.replaceAll(DOCUMENTED_URL, apiUrl)).join(`\nprintf '${MARK}'\n`);
  const printed = run(script).split(MARK);
  return commands.map(({ command, below }, at) => ({
    command,
    printed: printed[at] ?? '',
    answer: below?.language === 'sh' ? undefined : below,
  }));
}

const json = z.json();
type Json = z.infer<typeof json>;

/** What the README shows, with "…" for any text. */
function shown(value: Json): unknown {
  if (value === '…') return expect.stringMatching(/./);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shown(inner)]));
  return value;
}

/** Status line, header lines and body of an answer, as `curl -i` prints it and as the README shows it. */
function readAnswer(text: string): { readonly statusLine: string; readonly headers: readonly string[]; readonly body: Json } {
  const [head = '', ...body] = text.replaceAll('\r\n', '\n').split('\n\n');
  const [statusLine = '', ...headers] = head.split('\n');
  return { statusLine, headers, body: json.parse(JSON.parse(body.join('\n\n'))) };
}

test('the two commands that start it are there', () => {
  expect(blocksUnder('Start it')).toEqual([{ language: 'sh', text: 'npm ci\nnpm start' }]);
  expect(existsSync(join(root, 'package-lock.json'))).toBe(true);
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  expect(scripts).toHaveProperty('start');
});

function expectAsShown({ command, printed, answer }: Pasted): void {
  switch (answer?.language) {
    case 'http': {
      const [real, said] = [readAnswer(printed), readAnswer(answer.text)];
      expect(real.statusLine, command).toBe(said.statusLine);
      expect(real.headers, command).toEqual(expect.arrayContaining([...said.headers]));
      expect(real.body, command).toEqual(shown(said.body));
      break;
    }
    case 'json':
      expect(JSON.parse(printed), command).toEqual(shown(json.parse(JSON.parse(answer.text))));
      break;
    case undefined:
      // What it gets is put into variables.
      expect(printed, command).toBe('');
      break;
    default:
      throw new Error(`an answer in ${answer?.language} cannot be compared`);
  }
}

test('the six requests are answered as it says, and after Ctrl-C the next start goes on where this one was', async () => {
  expect(spawnSync('curl', ['--version']).error, 'the README needs curl: install it (apt-get install curl)').toBeUndefined();
  const first = await npmStart();
  try {
    expect((await fetch(`${first.apiUrl}/docs`)).status).toBe(200);
    const [registered = '', accounts = ''] = first.toTry.map(run);
    expect(JSON.parse(registered)).toMatchObject({ tokenType: 'Bearer' });
    expect(JSON.parse(accounts)).toMatchObject({ data: expect.any(Array) });
    const requests = paste('Six requests', first.apiUrl);
    expect(requests).toHaveLength(6);
    for (const request of requests) expectAsShown(request);
  } finally {
    await first.interrupt();
  }

  // Whoever registered then logs in now.
  const second = await npmStart();
  try {
    const logIns = paste('Logging in', second.apiUrl);
    expect(logIns).toHaveLength(3);
    for (const logIn of logIns) expectAsShown(logIn);
  } finally {
    await second.interrupt();
  }
});
