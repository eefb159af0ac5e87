// What a restore that does not come to its end has written by then, and what is to be done about it.
import { assertNever } from '../../domain/assert-never.ts';
import type { BehindBackup } from './behind-backup.ts';
import { behindInWords } from './behind-backup.ts';

/** What is there. */
export type Restored =
  | { readonly kind: 'nothing' }
  /** The embedded event store, made by this restore. */
  | { readonly kind: 'log'; readonly folder: string }
  /** Everything but the projections. */
  | { readonly kind: 'tables'; readonly behind: BehindBackup | undefined };

/** A restore has ended too early; it says why, what is there, and what to do. The reason is its cause. */
export class RestoreUnfinished extends Error {
  override readonly name = 'RestoreUnfinished';
  constructor(cause: Error, restored: Restored) {
    const text = whatIsThere(restored);
    super(`${cause.message}${text}`, { cause });
    this.stack = `${cause.stack ?? cause.message}${text}`;
  }
}

/** To be said behind the reason. */
export function whatIsThere(restored: Restored): string {
  switch (restored.kind) {
    case 'nothing':
      return '; nothing was restored';
    case 'log':
      return `\nThe log is in ${restored.folder}, and nothing in Postgres. Once the reason is gone, restore again: the log is taken as it is, if it is that of the backup. To begin anew, move that folder away first.`;
    case 'tables': {
      const behind = restored.behind === undefined ? '' : behindInWords(restored.behind);
      return `\nEverything is restored but the projections, which are made from the log: start the service, which builds them as far as the log can be read and says where it cannot, or \`ledger rebuild --swap\`. To begin anew, restore into an empty Postgres.${behind === '' ? '' : `\n${behind}`}`;
    }
    default:
      return assertNever(restored);
  }
}
