// What verbs print, however much it is.
import { once } from 'node:events';

/** Written at once: a call for every line would take longer than making the line. */
const CHUNK_CHARACTERS = 64 * 1024;

/** Writes the texts to stdout as they come, and no faster than they are taken: memory stays flat. */
export async function print(texts: AsyncIterable<string> | Iterable<string>): Promise<void> {
  let chunk = '';
  const flush = async (): Promise<void> => {
    const isTaken = process.stdout.write(chunk);
    chunk = '';
    if (!isTaken) await once(process.stdout, 'drain');
  };
  try {
    for await (const text of texts) {
      chunk += text;
      if (chunk.length >= CHUNK_CHARACTERS) await flush();
    }
  } finally {
    // Also what came before an error: it is what tells where the error is.
    if (chunk !== '') await flush();
  }
}

/** A value as a line of JSON; numbers that JSON cannot hold as decimal strings. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))}\n`;

/** Says to whoever waits at the terminal what takes time. */
export const onProgress = (message: string): void => {
  process.stderr.write(`${message}\n`);
};
