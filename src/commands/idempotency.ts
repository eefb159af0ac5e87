// What makes two commands the same: the hash of a command's canonical JSON (RFC 8785).
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Command } from '../domain/commands.ts';
import { canonicalCommand } from '../domain/commands.ts';

/** SHA-256 (hex) over type, account and parsed body, amounts compared as numbers. Headers and sender do not count. */
export function commandHashOf(command: Command): string {
  const canonical = canonicalize(canonicalCommand(command));
  if (canonical === undefined) throw new TypeError(`a ${command.type} command has no canonical JSON`);
  return createHash('sha256').update(canonical).digest('hex');
}
