import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';
import { endpoint } from './connection.ts';

/**
 * Begins a gRPC call, makes sure that the server has received every message, and breaks the connection before the call's end.
 *
 * Done below gRPC, because cancelling a call of grpc-js half-closes it first: to the server that is a complete request.
 */
export async function breakConnectionDuring(method: string, messages: { serializeBinary(): Uint8Array }[]): Promise<void> {
  const { host, port, secure, headers } = endpoint();
  const socket = secure ? tls.connect({ host, port, ALPNProtocols: ['h2'], rejectUnauthorized: false }) : net.connect(port, host);
  const session = http2.connect(`${secure ? 'https' : 'http'}://${host}:${port}`, { createConnection: () => socket });
  session.on('error', () => {});
  const open = (path: string) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers });
    stream.on('error', () => {});
    return stream;
  };
  const call = open(method);
  for (const message of messages) call.write(framed(message.serializeBinary()));
  // The answer to another call on the same connection: what was sent before it has arrived.
  const fence = open('/event_store.client.server_features.ServerFeatures/GetSupportedMethods');
  fence.end(framed(new Uint8Array()));
  await new Promise((resolve) => fence.once('data', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.destroy();
  await closed;
}

function framed(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}
