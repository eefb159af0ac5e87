// One line on stderr that says how it goes: rewritten in place at a terminal, a new one now and then elsewhere.

export interface LiveLine {
  /** Says something for good, above the line. */
  say(text: string): void;
  stop(): void;
}
export interface LiveLineOptions {
  readonly stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;
  /** The line of this moment; empty: there is nothing to say. */
  readonly line: () => string;
}

const REWRITTEN_EVERY_MS = 500;
const WRITTEN_EVERY_MS = 5_000;
const ERASE_LINE = '\r\u001b[2K';

export function startLiveLine({ stream, line }: LiveLineOptions): LiveLine {
  const isTerminal = stream.isTTY === true;
  const write = (): void => {
    const text = line();
    if (text !== '') stream.write(isTerminal ? `${ERASE_LINE}${text}` : `${text}\n`);
  };
  const timer = setInterval(write, isTerminal ? REWRITTEN_EVERY_MS : WRITTEN_EVERY_MS);
  return {
    say: (text) => void stream.write(isTerminal ? `${ERASE_LINE}${text}\n` : `${text}\n`),
    stop() {
      clearInterval(timer);
      if (isTerminal) stream.write(ERASE_LINE);
    },
  };
}
