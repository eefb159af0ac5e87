// The chain: a hash for every event of the ledger's streams, each over the event and the hash before it, in log order. Whoever
// knows the hash at some event knows that nothing up to there was changed, left out, added or put in another place.
//
//   hash of nothing  = SHA-256 of the text CHAIN_FORMAT
//   hash of event n  = SHA-256 of the text: hash of event n − 1 (64 hexadecimal digits), then event n as canonical JSON (RFC 8785)
//   event            = {stream, revision (in decimal), id, type, data, metadata}; no metadata: no member of that name
//
// No position is in it, nor the store's own time: a log that is copied into another store has the same chain.
import { hash } from 'node:crypto';
import type { LogRecord } from '../eventstore/log.ts';
import { canonicalJson } from './canonical-json.ts';

export const CHAIN_FORMAT = 'ledgerfold-chain/1';

/** SHA-256 of a text, in 64 hexadecimal digits. */
export const sha256 = (text: string): string => hash('sha256', text);

/** Where a chain is. */
export interface ChainState {
  /** How many events it has. */
  readonly events: bigint;
  /** SHA-256, in hexadecimal. */
  readonly hash: string;
}

/** The chain of no events. */
export const EMPTY_CHAIN: ChainState = { events: 0n, hash: sha256(CHAIN_FORMAT) };

/** What of a record is in the chain. */
export type ChainedRecord = Pick<LogRecord, 'stream' | 'revision' | 'eventId' | 'type' | 'data' | 'metadata'>;

/** Bytes that are no JSON have a text, too; no event of the ledger has any. */
const jsonOf = (value: unknown): unknown => (value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value);

/** The record as it is hashed, and as an export has it. */
export const chainedEvent = ({ stream, revision, eventId, type, data, metadata }: ChainedRecord) => ({
  stream,
  revision: `${revision}`,
  id: eventId,
  type,
  data: jsonOf(data),
  metadata: jsonOf(metadata),
});

/** The hash after that record. */
export const nextHash = (before: string, record: ChainedRecord): string => sha256(before + canonicalJson(chainedEvent(record)));
