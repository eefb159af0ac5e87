import { parseArgs } from 'node:util';
import type { Storage } from './log/database.ts';

/** What the command line asked for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly reason: string }
  /** Make the data folder out of the events in that file. */
  | { readonly kind: 'import'; readonly directory: string; readonly file: string }
  | {
      readonly kind: 'serve';
      readonly host: string;
      readonly port: number;
      readonly storage: Storage;
      /** Paths of PEM files. */
      readonly tls: { readonly cert: string; readonly key: string } | null;
      readonly liveBuffer: number | null;
    };

export const USAGE = `embedded-eventstore: a durable, EventStoreDB-compatible server for one machine and for tests

  embedded-eventstore --data DIR [options]
  embedded-eventstore --memory [options]
  embedded-eventstore --data DIR --import FILE

  --data DIR          keep the events in this folder (made when missing; one server at a time)
  --memory            keep them in memory
  --import FILE       make the folder out of the events in this file, a line of JSON each, at the positions they have there
  --host HOST         address to listen on (default 127.0.0.1)
  --port PORT         port to listen on (default 2113; 0: any free one)
  --cert FILE --key FILE
                      speak TLS with this certificate and private key (PEM)
  --live-buffer N     cut off live subscribers for which more than N events wait, as EventStoreDB does
  --help              show this
`;

const DEFAULT_PORT = '2113';

export function parseCommandLine(args: readonly string[]): Command {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        data: { type: 'string' },
        memory: { type: 'boolean', default: false },
        import: { type: 'string' },
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: DEFAULT_PORT },
        cert: { type: 'string' },
        key: { type: 'string' },
        'live-buffer': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const { data, memory, host, cert, key } = values;
    if ((data === undefined) !== memory) return wrong('give either --data DIR or --memory');
    if (values.import !== undefined)
      return data === undefined ? wrong('--import needs --data DIR') : { kind: 'import', directory: data, file: values.import };
    if ((cert === undefined) !== (key === undefined)) return wrong('--cert and --key go together');
    const port = wholeNumber(values.port, 65_535);
    if (port === null) return wrong(`--port ${values.port} is not a port`);
    const liveBuffer = values['live-buffer'] === undefined ? null : wholeNumber(values['live-buffer'], Number.MAX_SAFE_INTEGER);
    if (values['live-buffer'] !== undefined && (liveBuffer === null || liveBuffer === 0)) return wrong('--live-buffer must be 1 or more');
    const storage: Storage = data === undefined ? 'memory' : { directory: data };
    const tls = cert === undefined || key === undefined ? null : { cert, key };
    return { kind: 'serve', host, port, storage, tls, liveBuffer };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

function wrong(reason: string): Command {
  return { kind: 'wrong', reason };
}

function wholeNumber(text: string, maximum: number): number | null {
  const value = Number(text);
  return /^\d+$/.test(text) && value <= maximum ? value : null;
}
