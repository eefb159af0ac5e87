// Idempotency keys that say which step they are of, and the ids of commands that the ledger has to make of them.
import { createHash } from 'node:crypto';

/** A command of a run: its step, and its place in it where that sends several. What is sent before the plan begins has negative numbers. */
export interface CommandName {
  readonly number: number;
  readonly entry: number;
}

/** @param run what no other run has. */
export const keyOf = (run: string, { number, entry }: CommandName): string => `${run}:${number}.${entry}`;

/** The command of that run that the key is of; undefined where it is of none. */
export function commandNamedBy(run: string, key: string): CommandName | undefined {
  const [, of, number, entry] = /^(.+):(-?\d+)\.(\d+)$/.exec(key) ?? [];
  return of === run ? { number: Number(number), entry: Number(entry) } : undefined;
}

const VERSION_5 = 0x50;
const VARIANT = 0x80;

/** UUIDv5 (RFC 9562, 5.5) of the account's id and the key, as the contract has it. */
export function commandIdOf(accountId: string, key: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(accountId.replaceAll('-', ''), 'hex'))
    .update(key)
    .digest();
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | VERSION_5, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | VARIANT, 8);
  const hex = bytes.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
