// What the package offers.
export type { LedgerClient, LedgerClientOptions } from './client.ts';
export { createLedgerClient } from './client.ts';
export type { BulkCommand, BulkResult, CallOptions, WriteOptions, Written } from './commands.ts';
export type * from './contract.ts';
export type { Listing, Page, PageRequest } from './listing.ts';
export { CommandUnroutable, LedgerProblem, LedgerUnreachable, OutcomePending } from './problem.ts';
export type { EntryFilter, LedgerReads, ReadOptions } from './reads.ts';
