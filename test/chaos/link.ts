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
  break(fault: LinkFault): Broken;
  close(): Promise<void>;
}
export interface Broken {
  /** How often this fault has struck: bytes that were late or swallowed, connections that were reset. */
  strikes(): number;
  /** Ends the fault, if no other has taken its place. Connections on which something was swallowed are reset: no peer could go on with them. */
  mend(): void;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What is still to be passed on, in its order. */
  readonly late: Record<Direction, { readonly dueMs: number; readonly data: Buffer | 'end' }[]>;
  isDamaged: boolean;
  /** Its answers are swallowed, see `lost-answer`. */
  isUnanswered: boolean;
}

/** @param serverPort asked for every connection: a server may come back elsewhere. */
export async function openLink(serverPort: () => number): Promise<Link> {
  const pairs = new Set<Pair>();
  let fault: LinkFault | undefined;
  let struck = { strikes: 0 };
  let bytesLeft = 0;

  function reset(pair: Pair): void {
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  }

  function resetDamaged(): void {
    for (const pair of [...pairs]) if (pair.isDamaged || pair.isUnanswered) reset(pair);
  }

  /** Passes on what is due, in the order in which it came: data, and then the end. */
  function flush(pair: Pair, direction: Direction): void {
    const target = direction === 'there' ? pair.server : pair.client;
    const queue = pair.late[direction];
    for (let [first] = queue; first !== undefined && first.dueMs <= performance.now(); [first] = queue) {
      queue.shift();
      if (first.data === 'end') target.end();
      else if (target.writable) target.write(first.data);
    }
    const [next] = queue;
    if (next !== undefined) setTimeout(() => flush(pair, direction), next.dueMs - performance.now());
  }

  function send(pair: Pair, direction: Direction, data: Buffer | 'end'): void {
    const delayMs = fault?.kind === 'delay' ? fault.delayMs : 0;
    if (delayMs > 0) struck.strikes += 1;
    pair.late[direction].push({ dueMs: performance.now() + delayMs, data });
    flush(pair, direction);
  }

  /** What the fault makes of a piece of data. */
  function actOn(pair: Pair, direction: Direction, data: Buffer): 'sent' | 'swallowed' | 'cut' {
    if (pair.isUnanswered && direction === 'back') return 'swallowed';
    if (fault === undefined) return 'sent';
    switch (fault.kind) {
      case 'delay':
      case 'cut': // those that were there were reset
        return 'sent';
      case 'half-open':
        return fault.direction === direction ? 'swallowed' : 'sent';
      case 'cut-inside':
        if (fault.direction !== direction || struck.strikes > 0) return 'sent';
        if (data.length > bytesLeft) return 'cut';
        bytesLeft -= data.length;
        return 'sent';
      case 'lost-answer':
        if (direction === 'there' && struck.strikes === 0 && data.includes(fault.request)) pair.isUnanswered = true;
        return 'sent';
      default:
        return assertNever(fault);
    }
  }

  function pass(pair: Pair, direction: Direction, data: Buffer): void {
    const act = actOn(pair, direction, data);
    if (act === 'sent') send(pair, direction, data);
    else struck.strikes += 1;
    if (act === 'swallowed') pair.isDamaged = true;
    if (act !== 'cut') return;
    if (bytesLeft === 0 || pair.late[direction].length > 0) reset(pair);
    // What is let through has to arrive before the end does.
    else (direction === 'there' ? pair.server : pair.client).write(data.subarray(0, bytesLeft), () => reset(pair));
  }

  const listener = createServer((client) => {
    if (fault?.kind === 'cut') {
      struck.strikes += 1;
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: serverPort(), noDelay: true });
    client.setNoDelay(true);
    const pair: Pair = { client, server, late: { there: [], back: [] }, isDamaged: false, isUnanswered: false };
    pairs.add(pair);
    client.on('data', (data) => pass(pair, 'there', data));
    server.on('data', (data) => pass(pair, 'back', data));
    // An end, too, is late behind what is late, and swallowed where data would be.
    const endOf = (direction: Direction): void => {
      const isSwallowed = fault?.kind === 'half-open' && fault.direction === direction;
      if (isSwallowed) pair.isDamaged = true;
      else if (!pair.isUnanswered || direction === 'there') send(pair, direction, 'end');
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
      resetDamaged();
      fault = next;
      bytesLeft = next.kind === 'cut-inside' ? next.afterBytes : 0;
      const own = { strikes: next.kind === 'cut' ? pairs.size : 0 };
      struck = own;
      if (next.kind === 'cut') for (const pair of [...pairs]) reset(pair);
      return {
        strikes: () => own.strikes,
        mend() {
          if (fault === next) fault = undefined;
          resetDamaged();
        },
      };
    },
    async close() {
      for (const pair of [...pairs]) reset(pair);
      listener.close();
      await once(listener, 'close');
    },
  };
}
