import { randomUUID } from 'node:crypto';
import type { ServerOptions } from 'node:http2';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { encodeClusterInfo, encodeSupportedMethods } from './codec/cluster-messages.ts';
import { METHODS, SERVICE } from './grpc/service.ts';
import type { Storage } from './log/database.ts';
import { type EventLog, openEventLog } from './log/event-log.ts';
import { handleAppend } from './streams/append.ts';
import { MAX_MESSAGE_BYTES } from './streams/append-size.ts';
import { handleBatchAppend } from './streams/batch-append.ts';
import { handleDelete } from './streams/delete.ts';
import { handleRead } from './streams/read.ts';

export type { Storage } from './log/database.ts';
export { StorageError } from './log/storage-error.ts';

export interface EventStoreOptions {
  /** A folder, made when it is missing, that one server at a time may use; or `memory`. */
  readonly storage: Storage;
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** PEM texts. Without them the server speaks plain text. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Cut off live subscribers for which more than this many events wait, as the real server does. Default: nobody is cut off. */
  readonly liveBuffer?: number;
  /** Is told, in a sentence, when writes begin to be refused (a full disk), and when they are accepted again. */
  readonly report?: (problem: string) => void;
}

export interface EventStore {
  /** The connection string for `EventStoreDBClient.connectionString`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Ends open calls, writes what was submitted, releases the port and the folder. Safe to call again. */
  close(): Promise<void>;
}

/** The address cannot be listened on. */
export class ListenError extends Error {
  override name = 'ListenError';
}

/** How long open calls get to take their last messages at `close`. */
const DRAIN_MS = 2000;

/**
 * Starts a server and resolves once it answers.
 *
 * @throws StorageError when the folder cannot be used, ListenError when the address cannot.
 *
 * @example
 * const store = await startEventStore({ storage: 'memory' });
 * const client = EventStoreDBClient.connectionString(store.url);
 */
export async function startEventStore(options: EventStoreOptions): Promise<EventStore> {
  const { host = '127.0.0.1', liveBuffer = null, report = () => {} } = options;
  const log = openEventLog(options.storage, report);
  const stopping = new AbortController();
  const server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.max_send_message_length': -1 });
  allowCancelledCalls(server);
  let port: number;
  try {
    addHandlers(server, log, liveBuffer, stopping.signal);
    port = await listen(server, host, options);
  } catch (error) {
    await log.close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    url: `esdb://${reachableHost(host)}:${port}?tls=${options.tls !== undefined}`,
    host,
    port,
    close: () => {
      closing ??= close(server, log, stopping);
      return closing;
    },
  };
}

/**
 * The client cancels every read that it leaves early, and every read of a stream that does not exist. Node's HTTP/2 takes
 * more than 1,000 cancelled calls at 33 a second for an attack and ends the connection, with all calls on it; the real
 * server does not. gRPC has no channel option for it.
 */
function allowCancelledCalls(server: Server): void {
  const { commonServerOptions } = server as unknown as { commonServerOptions: ServerOptions };
  Object.assign(commonServerOptions, { streamResetBurst: 1_000_000, streamResetRate: 1_000_000 } satisfies ServerOptions);
}

function addHandlers(server: Server, log: EventLog, liveBuffer: number | null, stopping: AbortSignal): void {
  const supportedMethods = encodeSupportedMethods(Object.values(METHODS));
  const instanceId = randomUUID();
  server.addService(SERVICE, {
    read: (call: ServerWritableStream<Buffer, Buffer>) => void handleRead(log, liveBuffer, stopping, call),
    append: (call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => handleAppend(log, call, callback),
    batchAppend: (call: ServerDuplexStream<Buffer, Buffer>) => handleBatchAppend(log, stopping, call),
    delete: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => handleDelete(log, 'delete', call, callback),
    tombstone: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => handleDelete(log, 'tombstone', call, callback),
    supportedMethods: (_call: unknown, callback: sendUnaryData<Buffer>) => callback(null, supportedMethods),
    gossip: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
      const { host, port } = splitAuthority(call.getHost());
      callback(null, encodeClusterInfo(instanceId, host, port));
    },
  });
}

function splitAuthority(authority: string): { host: string; port: number } {
  const colon = authority.lastIndexOf(':');
  return { host: authority.slice(0, colon), port: Number(authority.slice(colon + 1)) };
}

function listen(server: Server, host: string, { port = 0, tls }: EventStoreOptions): Promise<number> {
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }]);
  return new Promise((resolve, reject) => {
    server.bindAsync(`${bracketed(host)}:${port}`, credentials, (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else if (error.message.includes('EADDRINUSE')) reject(new ListenError(`port ${port} on ${host} is in use`, { cause: error }));
      else reject(new ListenError(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error }));
    });
  });
}

/** An address that stands for all of them cannot be connected to everywhere. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '[::1]' : bracketed(host);
}

/** An IPv6 address needs brackets before a port. */
function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

async function close(server: Server, log: EventLog, stopping: AbortController): Promise<void> {
  stopping.abort();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), DRAIN_MS);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
  await log.close();
}
