// What the package offers.
export type { LedgerClient, LedgerClientOptions } from './client.ts';
export { createLedgerClient } from './client.ts';
export type { BulkCommand, BulkResult, CallOptions, WriteOptions, Written } from './commands.ts';
export type * from './contract.ts';
export type { LedgerEvent, LedgerEventConsumer, LedgerEventsOptions, LedgerEventType } from './event-consumer.ts';
export { consumeLedgerEvents } from './event-consumer.ts';
export type { Listing, Page, PageRequest } from './listing.ts';
export { CommandUnroutable, LedgerProblem, LedgerUnreachable, OutcomePending } from './problem.ts';
export type { LedgerProducer, LedgerProducerOptions, Published, PublishOptions } from './producer.ts';
export { createLedgerProducer } from './producer.ts';
export type { EntryFilter, LedgerReads, ReadOptions } from './reads.ts';
