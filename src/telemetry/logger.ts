import { destination, type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

/**
 * The process's logger: one JSON line for each thing that happened, to stderr, because stdout is for a verb's data.
 * Passwords, tokens and cookies are removed wherever a request or a body is logged whole; nothing logs a server's URL.
 */
export function createLogger(level: Config['logLevel']): Logger {
  const secrets = ['authorization', 'cookie', 'set-cookie', 'password', 'accessToken', 'refresh_token', 'client_secret'];
  return pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: secrets.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
        censor: '(removed)',
      },
    },
    stderr(),
  );
}

/** What is kept, at most, of lines for which there is no room. */
const MAX_KEPT_BYTES = 1024 * 1024;

/**
 * Where log lines go, and the progress of a start. The disk under it may be full: that ends no ledger, and the lines are written
 * when there is room, as far as they were kept.
 */
function stderr(): ReturnType<typeof destination> {
  // Written at once: a line that explains a crash must not die in a buffer with it.
  const lines = destination({ fd: 2, sync: true, maxLength: MAX_KEPT_BYTES });
  lines.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  return lines;
}
