// The principal: who acts, over whatever transport.
import { z } from 'zod';
import { principalUuidOf } from '../domain/ids.ts';
import type { Role } from './roles.ts';

/** What stands for somebody in a token: at most what OpenID Connect allows, and nothing that cannot be shown or hashed. */
export const SubjectSchema = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,255}$/u, '1 to 255 characters that can be shown');

/** Whoever acts, as far as the ledger cares. */
export interface Principal {
  readonly issuer: string;
  /** What the issuer calls them. */
  readonly subject: string;
  /** The UUID that stands for them: the owner of a user's accounts, and the actor in events. */
  readonly uuid: string;
  readonly role: Role;
  /** For people to read; never in events, never in logs. */
  readonly name: string;
}

export const principalFrom = (issuer: string, subject: string, role: Role, name: string): Principal => ({
  issuer,
  subject,
  uuid: principalUuidOf(issuer, subject),
  role,
  name,
});
