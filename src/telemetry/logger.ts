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
    // Written at once: a line that explains a crash must not die in a buffer with it.
    destination({ fd: 2, sync: true }),
  );
}
