// Who may do what: the one table. The checks, the documents (docs/permissions.md, OpenAPI) and the tests are read off it.
import { assertNever } from '../domain/assert-never.ts';
import type { CommandType } from '../domain/commands.ts';
import type { Rejection } from '../domain/rejections.ts';
import { rejection } from '../domain/rejections.ts';
import type { Principal } from './principal.ts';
import type { Role } from './roles.ts';
import { ROLES } from './roles.ts';

/** How far a role reaches: everybody's accounts, its own alone, or nothing. What belongs to no account is reached by `all`. */
export type Reach = 'all' | 'own' | 'none';
export type Access = Readonly<Record<Role, Reach>>;

const row = (user: Reach, operator: Reach, auditor: Reach, producer: Reach): Access => ({ user, operator, auditor, producer });

/** Who may send which command, over any transport. Of a user's holds, those that an operator placed are the operators' to decide over: src/domain/holds.ts. */
export const COMMAND_ACCESS: Readonly<Record<CommandType, Access>> = {
  // user, operator, auditor, producer
  'open-account': row('own', 'all', 'none', 'none'),
  deposit: row('own', 'all', 'none', 'all'),
  withdraw: row('own', 'all', 'none', 'all'),
  transfer: row('own', 'all', 'none', 'all'),
  'update-coin': row('own', 'all', 'none', 'none'),
  'remove-coin': row('own', 'all', 'none', 'none'),
  'place-hold': row('own', 'all', 'none', 'none'),
  'capture-hold': row('own', 'all', 'none', 'none'),
  'release-hold': row('own', 'all', 'none', 'none'),
  'place-order': row('own', 'all', 'none', 'none'),
  'fill-order': row('none', 'all', 'none', 'all'),
  'cancel-order': row('own', 'all', 'none', 'none'),
  reverse: row('none', 'all', 'none', 'none'),
  'freeze-account': row('none', 'all', 'none', 'none'),
  'unfreeze-account': row('none', 'all', 'none', 'none'),
  'close-account': row('none', 'all', 'none', 'none'),
  'set-limits': row('none', 'all', 'none', 'none'),
  'register-asset': row('none', 'all', 'none', 'none'),
};

/** An account and what belongs to it. */
const ACCOUNTS = row('own', 'all', 'all', 'none');
/** What is the same for everybody. */
const EVERYTHING = row('all', 'all', 'all', 'all');
/** What is about whoever asks. */
const ONESELF = row('own', 'own', 'own', 'own');

/** `anyone`: without credentials. A command: whoever may send it. */
export type RouteAccess = 'anyone' | CommandType | Access;

/** Who may use which route. A name that ends in `*` stands for everything that begins so. */
export const ROUTE_ACCESS: Readonly<Record<string, RouteAccess>> = {
  'POST /v1/accounts': 'open-account',
  'GET /v1/accounts': ACCOUNTS,
  'GET /v1/accounts/{accountId}': ACCOUNTS,
  'POST /v1/accounts/{accountId}/deposits': 'deposit',
  'POST /v1/accounts/{accountId}/withdrawals': 'withdraw',
  'POST /v1/accounts/{accountId}/reversals': 'reverse',
  'GET /v1/accounts/{accountId}/balances': ACCOUNTS,
  'GET /v1/accounts/{accountId}/balances/{asset}': ACCOUNTS,
  'GET /v1/accounts/{accountId}/entries': ACCOUNTS,
  'GET /v1/accounts/{accountId}/statement': ACCOUNTS,
  'GET /v1/accounts/{accountId}/events': ACCOUNTS,
  'POST /v1/accounts/{accountId}/coins': 'update-coin',
  'GET /v1/accounts/{accountId}/coins': ACCOUNTS,
  'DELETE /v1/accounts/{accountId}/coins/{symbol}': 'remove-coin',
  'POST /v1/accounts/{accountId}/holds': 'place-hold',
  'GET /v1/accounts/{accountId}/holds': ACCOUNTS,
  'GET /v1/holds/{holdId}': ACCOUNTS,
  'POST /v1/accounts/{accountId}/holds/{holdId}/capture': 'capture-hold',
  'POST /v1/accounts/{accountId}/holds/{holdId}/release': 'release-hold',
  'POST /v1/accounts/{accountId}/orders': 'place-order',
  'GET /v1/accounts/{accountId}/orders': ACCOUNTS,
  'POST /v1/accounts/{accountId}/orders/{orderId}/fills': 'fill-order',
  'POST /v1/accounts/{accountId}/orders/{orderId}/cancel': 'cancel-order',
  'GET /v1/orders': ACCOUNTS,
  'GET /v1/orders/pending': ACCOUNTS,
  'GET /v1/orders/executed': ACCOUNTS,
  'GET /v1/orders/cancelled': ACCOUNTS,
  'GET /v1/orders/expired': ACCOUNTS,
  'GET /v1/users/{userId}/orders': ACCOUNTS,
  'GET /v1/orders/{orderId}': ACCOUNTS,
  'GET /v1/orders/{orderId}/events': ACCOUNTS,
  'POST /v1/accounts/{accountId}/transfers': 'transfer',
  'GET /v1/accounts/{accountId}/transfers': ACCOUNTS,
  'GET /v1/transfers/{transferId}': ACCOUNTS,
  'POST /v1/accounts/{accountId}/freeze': 'freeze-account',
  'POST /v1/accounts/{accountId}/unfreeze': 'unfreeze-account',
  'POST /v1/accounts/{accountId}/close': 'close-account',
  'PUT /v1/accounts/{accountId}/limits': 'set-limits',
  'GET /v1/accounts/{accountId}/limits': ACCOUNTS,
  'POST /v1/assets': 'register-asset',
  'GET /v1/assets': EVERYTHING,
  'GET /v1/assets/{asset}': EVERYTHING,
  // Who may send in bulk at all; each command is then judged by its own row.
  'POST /v1/commands': row('own', 'all', 'none', 'all'),
  // Producers learn what became of what they send.
  'GET /v1/commands/{commandId}': row('own', 'all', 'all', 'all'),
  'GET /v1/me': ONESELF,
  'GET /v1/profile': ONESELF,
  'GET /v1/statistics': EVERYTHING,
  'POST /v1/auth/register': 'anyone',
  'POST /v1/auth/login': 'anyone',
  'POST /v1/auth/refresh': 'anyone',
  'POST /v1/auth/logout': 'anyone',
  'POST /v1/auth/token': 'anyone',
  'GET /.well-known/jwks.json': 'anyone',
  'GET /health/live': 'anyone',
  'GET /health/ready': 'anyone',
  'GET /metrics': 'anyone',
  'GET /openapi.json': 'anyone',
  'GET /asyncapi.json': 'anyone',
  'GET /docs': 'anyone',
  'GET /docs/*': 'anyone',
  'GET /problems': 'anyone',
  'GET /problems/{name}': 'anyone',
};

/** The name of a route's row, if it has one. HEAD asks what GET asks. */
function routeRowOf(method: string, path: string): string | undefined {
  const name = `${method === 'HEAD' ? 'GET' : method} ${path}`;
  if (Object.hasOwn(ROUTE_ACCESS, name)) return name;
  return Object.keys(ROUTE_ACCESS).find((row) => row.endsWith('*') && name.startsWith(row.slice(0, -1)));
}

/**
 * What the table says of a route.
 * @param path as OpenAPI writes it: `/v1/accounts/{accountId}`.
 * @throws Error where it has no row: nobody has said who may use it.
 */
function routeAccess(method: string, path: string): RouteAccess {
  const access = ROUTE_ACCESS[routeRowOf(method, path) ?? ''];
  if (access === undefined) throw new Error(`${method} ${path} has no row in src/identity/access.ts`);
  return access;
}

/** Who may use a route, by role; `anyone` where it asks for no credentials. */
export const accessTo = (method: string, path: string): 'anyone' | Access => accessOf(routeAccess(method, path));

/** A route's row by role: that of its command, where it sends one. */
export const accessOf = (row: RouteAccess): 'anyone' | Access => (typeof row === 'object' || row === 'anyone' ? row : COMMAND_ACCESS[row]);

/** Who may use a route that asks who asks, by role. @throws Error where it is anyone's. */
export function roleAccessTo(method: string, path: string): Access {
  const access = accessTo(method, path);
  if (access === 'anyone') throw new Error(`${method} ${path} asks nobody who they are`);
  return access;
}

/** The command that a route sends. @throws Error where the table names none. */
export function commandTo(method: string, path: string): CommandType {
  const access = routeAccess(method, path);
  if (typeof access === 'object' || access === 'anyone') throw new Error(`${method} ${path} sends no command by its row in the table`);
  return access;
}

/** The roles that reach anything. */
const rolesWith = (access: Access): readonly Role[] => ROLES.filter((role) => access[role] !== 'none');

const IN_WORDS: Readonly<Record<Exclude<Reach, 'none'>, (role: Role) => string>> = {
  all: (role) => role,
  own: (role) => `${role} (what is their own)`,
};

/** Who may, in words: `user (what is their own), operator`. */
export function accessInWords(access: 'anyone' | Access): string {
  if (access === 'anyone') return access;
  return ROLES.flatMap((role) => (access[role] === 'none' ? [] : [IN_WORDS[access[role]](role)])).join(', ');
}

/** The refusal of a role that reaches nothing there. */
export function accessRefusal(access: Access, role: Role): Rejection | undefined {
  return access[role] === 'none'
    ? rejection('forbidden', `The role ${role} may not do this; ${rolesWith(access).join(', ')} may.`)
    : undefined;
}

/**
 * Whose accounts alone the principal reaches there; undefined where everybody's.
 * @throws Error for a role that reaches none: it was to be refused before (a bug).
 */
export function ownerLimitOf(access: Access, { role, uuid }: Pick<Principal, 'role' | 'uuid'>): string | undefined {
  const reach = access[role];
  switch (reach) {
    case 'all':
      return undefined;
    case 'own':
      return uuid;
    case 'none':
      throw new Error(`the role ${role} reaches nothing here and was let through`);
    default:
      return assertNever(reach);
  }
}

/** Whether what belongs to that owner (undefined: to nobody) is within the limit. */
export const isWithin = (ownerLimit: string | undefined, ownerId: string | undefined): boolean =>
  ownerLimit === undefined || ownerLimit === ownerId;
