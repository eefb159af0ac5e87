// What the package offers.
export type { ConnectionOptions, LedgerClient, LedgerClientOptions } from './client.ts';
export { createLedgerClient } from './client.ts';
export type { BulkCommand, BulkResult, CallOptions, WriteOptions, Written } from './commands.ts';
export type * from './contract.ts';
export type { LedgerEvent, LedgerEventConsumer, LedgerEventsOptions, LedgerEventType } from './event-consumer.ts';
export { consumeLedgerEvents } from './event-consumer.ts';
export type { Fetch, FetchAnswer, FetchRequest } from './http.ts';
export type { Listing, Page, PageRequest } from './listing.ts';
export type { ClientCredentials, Credentials, UserCredentials } from './log-in.ts';
export type { PooledFetch, PooledFetchOptions } from './pooled-fetch.ts';
export { createPooledFetch } from './pooled-fetch.ts';
export { CommandUnroutable, LedgerProblem, LedgerUnreachable, OutcomePending, SessionEnded } from './problem.ts';
export type { LedgerProducer, LedgerProducerOptions, Published, PublishOptions } from './producer.ts';
export { createLedgerProducer } from './producer.ts';
export type { EntryFilter, LedgerReads, ReadOptions, StatementPeriod } from './reads.ts';
export type { UserOptions, UserSession } from './user-session.ts';
export { logIn, registerUser } from './user-session.ts';
