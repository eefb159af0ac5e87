/** A server that this process has started for itself, and that ends with it. */
export interface EmbeddedServer {
  /** How to reach it, with everything a client needs. It may hold a password; do not log it. */
  readonly url: string;
  readonly pid: number;
  /** Settles when the server ends, asked to or not, with a sentence saying how. Never rejects. */
  readonly exited: Promise<string>;
  /** Stops the server and waits until its process is gone; what it acknowledged is kept. Safe to call twice. */
  stop(): Promise<void>;
}

/** A server could not be started here; the message says why, with the end of what the server itself said. */
export class EmbeddedServerError extends Error {
  override readonly name = 'EmbeddedServerError';
}
