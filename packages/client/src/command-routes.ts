// Which request each command is over REST.
import type { RestCommand } from './contract.ts';
import type { HttpRequest } from './http.ts';

type Route = Pick<HttpRequest, 'method' | 'path' | 'body'>;

/** A path of the API; what stands in it is escaped. */
export const pathOf = (...segments: readonly string[]): string => `/v1/${segments.map(encodeURIComponent).join('/')}`;

const post = (path: string, body: object): Route => ({ method: 'POST', path, body });

/** The request of a command. */
export function routeOf(command: RestCommand): Route {
  switch (command.type) {
    case 'open-account': {
      const { type, ...body } = command;
      return post(pathOf('accounts'), body);
    }
    case 'deposit': {
      const { type, accountId, ...body } = command;
      return post(pathOf('accounts', accountId, 'deposits'), body);
    }
    case 'withdraw': {
      const { type, accountId, ...body } = command;
      return post(pathOf('accounts', accountId, 'withdrawals'), body);
    }
    case 'transfer': {
      const { type, accountId, ...body } = command;
      return post(pathOf('accounts', accountId, 'transfers'), body);
    }
    case 'update-coin': {
      const { type, accountId, ...body } = command;
      return post(pathOf('accounts', accountId, 'coins'), body);
    }
    case 'remove-coin':
      return { method: 'DELETE', path: pathOf('accounts', command.accountId, 'coins', command.symbol) };
    case 'place-hold': {
      const { type, accountId, ...body } = command;
      return post(pathOf('accounts', accountId, 'holds'), body);
    }
    case 'capture-hold': {
      const { type, accountId, holdId, ...body } = command;
      return post(pathOf('accounts', accountId, 'holds', holdId, 'capture'), body);
    }
    case 'release-hold':
      return post(pathOf('accounts', command.accountId, 'holds', command.holdId, 'release'), {});
    case 'place-order': {
      const { type, accountId, ...body } = command;
      return post(pathOf('accounts', accountId, 'orders'), body);
    }
    case 'fill-order': {
      const { type, accountId, orderId, ...body } = command;
      return post(pathOf('accounts', accountId, 'orders', orderId, 'fills'), body);
    }
    case 'cancel-order':
      return post(pathOf('accounts', command.accountId, 'orders', command.orderId, 'cancel'), {});
    case 'reverse': {
      const { type, accountId, ...body } = command;
      return post(pathOf('accounts', accountId, 'reversals'), body);
    }
    case 'freeze-account':
      return post(pathOf('accounts', command.accountId, 'freeze'), { reason: command.reason });
    case 'unfreeze-account':
      return post(pathOf('accounts', command.accountId, 'unfreeze'), { reason: command.reason });
    case 'close-account':
      return post(pathOf('accounts', command.accountId, 'close'), {});
    case 'set-limits': {
      const { type, accountId, ...body } = command;
      return { method: 'PUT', path: pathOf('accounts', accountId, 'limits'), body };
    }
    case 'register-asset': {
      const { type, ...body } = command;
      return post(pathOf('assets'), body);
    }
    default:
      return assertNever(command);
  }
}

function assertNever(command: never): never {
  throw new TypeError(`no command: ${JSON.stringify(command)}`);
}
