// A link between two parts of the stack: a TCP proxy that can be slow, cut, or silent in one direction.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { assertNever } from '../../src/domain/assert-never.ts';

/** Towards the server, or back to whoever has connected. */
export type Direction = 'there' | 'back';

export type LinkFault =
  /** Every piece of data is late. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** All connections are reset, and none is taken. */
  | { readonly kind: 'cut' }
  /** What goes in that direction is swallowed; the other one works. */
  | { readonly kind: 'half-open'; readonly direction: Direction }
  /** The connection on which so many more bytes have gone in that direction is reset right there. */
  | { readonly kind: 'cut-inside'; readonly direction: Direction; readonly afterBytes: number }
  /** The first request in which `request` stands gets through, and nothing comes back on its connection any more. */
  | { readonly kind: 'lost-answer'; readonly request: string };

export interface Link {
  /** Where to connect instead of to the server. */
  readonly port: number;
  /** From now on, in the place of the one before. */
  break(fault: LinkFault): void;
  /** How often the fault has struck since `break`: bytes that were late or swallowed, connections that were reset. */
  strikes(): number;
  /** Ends the fault. Connections on which something was swallowed are reset: no peer could go on with them. */
  mend(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** When the last late piece of each direction is due, so that none overtakes another. */
  readonly dueMs: Record<Direction, number>;
  isDamaged: boolean;
  /** Its answers are swallowed, see `lost-answer`. */
  isUnanswered: boolean;
}

/** @param serverPort asked for every connection: a server may come back elsewhere. */
export async function openLink(serverPort: () => number): Promise<Link> {
  const pairs = new Set<Pair>();
  let fault: LinkFault | undefined;
  let strikes = 0;
  let bytesLeft = 0;

  function reset(pair: Pair): void {
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  }

  function send(pair: Pair, direction: Direction, data: Buffer): void {
    const target = direction === 'there' ? pair.server : pair.client;
    const isLate = fault?.kind === 'delay';
    const now = performance.now();
    const dueMs = Math.max(pair.dueMs[direction], isLate && fault?.kind === 'delay' ? now + fault.delayMs : now);
    if (isLate) strikes += 1;
    pair.dueMs[direction] = dueMs;
    if (dueMs <= now) target.write(data);
    else setTimeout(() => target.writable && target.write(data), dueMs - now);
  }

  function swallow(pair: Pair): void {
    pair.isDamaged = true;
    strikes += 1;
  }

  function pass(pair: Pair, direction: Direction, data: Buffer): void {
    if (pair.isUnanswered && direction === 'back') return swallow(pair);
    if (fault === undefined) return send(pair, direction, data);
    switch (fault.kind) {
      case 'delay':
      case 'cut': // those that are there were reset
        return send(pair, direction, data);
      case 'half-open':
        return fault.direction === direction ? swallow(pair) : send(pair, direction, data);
      case 'cut-inside': {
        if (fault.direction !== direction || strikes > 0) return send(pair, direction, data);
        if (data.length <= bytesLeft) {
          bytesLeft -= data.length;
          return send(pair, direction, data);
        }
        strikes += 1;
        // What was let through has to arrive before the end does.
        const target = direction === 'there' ? pair.server : pair.client;
        if (bytesLeft === 0) return reset(pair);
        target.write(data.subarray(0, bytesLeft), () => reset(pair));
        return undefined;
      }
      case 'lost-answer':
        if (direction === 'there' && strikes === 0 && data.includes(fault.request)) pair.isUnanswered = true;
        return send(pair, direction, data);
      default:
        return assertNever(fault);
    }
  }

  const listener = createServer((client) => {
    if (fault?.kind === 'cut') {
      strikes += 1;
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: serverPort(), noDelay: true });
    client.setNoDelay(true);
    const pair: Pair = { client, server, dueMs: { there: 0, back: 0 }, isDamaged: false, isUnanswered: false };
    pairs.add(pair);
    client.on('data', (data) => pass(pair, 'there', data));
    server.on('data', (data) => pass(pair, 'back', data));
    // An end, too, is late behind what is late, and swallowed where data would be.
    const endOf = (direction: Direction): void => {
      if ((fault?.kind === 'half-open' && fault.direction === direction) || (pair.isUnanswered && direction === 'back')) return;
      const waitMs = Math.max(0, pair.dueMs[direction] - performance.now());
      setTimeout(() => (direction === 'there' ? server : client).end(), waitMs);
    };
    client.on('end', () => endOf('there'));
    server.on('end', () => endOf('back'));
    for (const socket of [client, server]) {
      socket.on('error', () => reset(pair));
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) pairs.delete(pair);
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    break(next) {
      fault = next;
      strikes = 0;
      bytesLeft = next.kind === 'cut-inside' ? next.afterBytes : 0;
      if (next.kind !== 'cut') return;
      strikes = pairs.size;
      for (const pair of [...pairs]) reset(pair);
    },
    strikes: () => strikes,
    mend() {
      fault = undefined;
      for (const pair of [...pairs]) if (pair.isDamaged || pair.isUnanswered) reset(pair);
    },
    async close() {
      for (const pair of [...pairs]) reset(pair);
      listener.close();
      await once(listener, 'close');
    },
  };
}
