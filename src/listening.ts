// Where a process answers, as the configuration says.
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import { ConfigError } from './config.ts';

/**
 * Connections that may wait to be accepted, where the system lets it (`net.core.somaxconn`). Node accepts one in each turn of its event
 * loop, so under load they wait; beyond what may wait, the system drops them, and their clients learn seconds later that nobody was there.
 */
const BACKLOG = 4_096;

/**
 * Listens on the address of the configuration.
 * @param variable the setting that the port is of.
 * @returns the URL under which it answers.
 * @throws {ConfigError} where the address cannot be had: that is a matter of the settings, and said as one.
 */
export function listenOn(app: FastifyInstance, { host, port }: Pick<Config, 'host' | 'port'>, variable = 'PORT'): Promise<string> {
  return app.listen({ host, port, backlog: BACKLOG }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error)) throw error;
    if (error.code === 'EADDRINUSE')
      throw new ConfigError([`${variable} ${port} is taken on ${host}: stop what listens there, or choose another port`]);
    if (error.code === 'EADDRNOTAVAIL' || error.code === 'EACCES')
      throw new ConfigError([`HOST ${host} and ${variable} ${port} cannot be listened on: ${error.message}`]);
    throw error;
  });
}
