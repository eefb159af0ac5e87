import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EmbeddedServerError } from './embedded-server.ts';

/** A user other than root, for a server that refuses to run as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const accountName = 'postgres';

/**
 * The user that an embedded Postgres has to run as: none in particular (undefined) unless this process is root's, else
 * the system's user `postgres`, which is created when there is none.
 *
 * @throws when root is not allowed to create a user.
 */
export function postgresAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const existing = lookUp();
  if (existing !== undefined) return existing;
  try {
    execFileSync('groupadd', ['--system', accountName], { stdio: 'ignore' });
  } catch {
    // The group may be there without the user; `useradd` says so if it is not.
  }
  try {
    execFileSync('useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', '--gid', accountName, accountName]);
  } catch (cause) {
    throw new EmbeddedServerError(`Postgres does not run as root, and no user "${accountName}" could be created for it`, { cause });
  }
  const created = lookUp();
  if (created === undefined) throw new EmbeddedServerError(`the user "${accountName}" was created but is not known to this system`);
  return created;
}

/**
 * Whether that user may enter every folder on the way to `path`. In a checkout below /root it may not, so that it could
 * neither read its own program nor reach its data.
 */
export function canReach(account: Account, path: string): boolean {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/**
 * The same command, run by `setpriv` (util-linux, on every Debian) as that user, with one capability kept: to pass
 * through folders it could not enter otherwise. Only used where {@link canReach} says no.
 */
export function withAccess(account: Account, command: string, args: readonly string[]): { command: string; args: string[] } {
  const capability = '+dac_override';
  return {
    command: 'setpriv',
    args: [
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      '--clear-groups',
      `--inh-caps=${capability}`,
      `--ambient-caps=${capability}`,
      '--',
      command,
      ...args,
    ],
  };
}

function lookUp(): Account | undefined {
  try {
    const id = (flag: string): number => Number(execFileSync('id', [flag, accountName], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}
