// A TCP relay before a server, whose connections can be cut, and refused for a while.
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

export interface CuttableConnection extends AsyncDisposable {
  /** The same URL by way of the relay. */
  readonly url: string;
  /** Cuts every connection; until `mend` new ones are cut at once, too. */
  cut(): void;
  mend(): void;
  /** Lets nothing more through from the server, as long as the connection lives: what it answers is lost. */
  muffle(): void;
}

export async function startCuttableConnection(serverUrl: string): Promise<CuttableConnection> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const fromServer = new Set<Socket>();
  let isCut = false;
  const relay = createServer((client) => {
    if (isCut) return void client.destroy();
    const server = connect(Number(target.port), target.hostname);
    fromServer.add(server);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        fromServer.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { port } = relay.address() as AddressInfo;
  const url = new URL(serverUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    mend() {
      isCut = false;
    },
    muffle() {
      for (const server of fromServer) server.unpipe().resume();
    },
    async [Symbol.asyncDispose]() {
      cut();
      relay.close();
      await once(relay, 'close');
    },
  };
}
