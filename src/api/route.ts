// What every route is: how it answers, and how it is documented.
import type { RouteOptions } from 'fastify';
import type { z } from 'zod';
import type { Auth } from './auth-route.ts';
import type { Gateway } from './gateway.ts';
import type { PermissionSettings } from './permissions.ts';
import type { ProblemCode } from './problems.ts';
import type { LedgerQueries } from './queries.ts';
import type { RequestLimits } from './request-limits.ts';

/** What routes stand on. */
export interface RouteDependencies {
  readonly gateway: Gateway;
  readonly queries: LedgerQueries;
  readonly permissions: PermissionSettings;
  readonly auth: Auth;
  /** Tells the limits that a request holds more than one. */
  readonly countMore: RequestLimits['countMore'];
}

export const TAGS = {
  accounts: 'Accounts, their balances and what moved them',
  coins: 'Coins held in an account',
  holds: 'Money set aside, then taken or given back',
  orders: 'Orders to exchange one asset for another, and their fills',
  transfers: 'Money sent from account to account',
  lifecycle: 'What operators do to accounts',
  assets: 'What balances are counted in',
  commands: 'Outcomes of commands, and commands in bulk',
  ledger: 'Who you are, and the ledger in figures',
  auth: 'Logging in, and the keys of access tokens',
} as const;
export type Tag = keyof typeof TAGS;

/** A header of a request or an answer, as the document describes it. */
export type DocumentedHeader = 'Idempotency-Key' | 'If-Match' | 'If-None-Match' | 'Prefer';
export type AnswerHeader = 'ETag' | 'Idempotency-Hit' | 'Link' | 'Location' | 'Preference-Applied' | 'Set-Cookie' | 'WWW-Authenticate';

/** Credentials other than an access token, as the document names them; `none`: it goes without. */
export type SecurityRequirement = 'refreshCookie' | 'client' | 'none';

export interface DocumentedAnswer {
  readonly description: string;
  /** Absent: without a body. */
  readonly schema?: z.ZodType;
  readonly example?: unknown;
  /** As what else it may come, by media type, with an example of each. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly headers: readonly AnswerHeader[];
}

/** What the OpenAPI document says of a route beyond the schemas that fastify checks. */
export interface OperationDoc {
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** Any of these will do; absent: an access token, or nothing where the route is anyone's. */
  readonly security?: readonly SecurityRequirement[];
  readonly headers: readonly { readonly name: DocumentedHeader; readonly required: boolean }[];
  readonly bodyExample?: unknown;
  /** False: the body may be left out. */
  readonly bodyRequired: boolean;
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  readonly problems: readonly ProblemCode[];
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface ApiRoute {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/accounts/{accountId}`. */
  readonly path: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Where the document says more of the body than fastify checks. */
  readonly documentedBody?: z.ZodType;
  /** The body is a form, not JSON. */
  readonly takesForm?: boolean;
  readonly doc: OperationDoc;
  /** Who may use it, src/identity/access.ts says: credentials and role are checked before anything that is mounted here. */
  readonly mount: (dependencies: RouteDependencies) => Pick<RouteOptions, 'onRequest' | 'preValidation' | 'handler'>;
}
