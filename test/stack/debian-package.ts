// Programs that the tests need and npm does not have: installed from Debian's packages where that is possible.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** @throws with what to do where it cannot be installed: a test that needs the program never passes without it. */
export async function installDebianPackage(name: string): Promise<void> {
  const wanted = `the tests need the programs of Debian's package ${name}: install it`;
  if (!existsSync('/usr/bin/apt-get')) throw new Error(`${wanted}; it is done by itself on Debian only`);
  if (process.getuid?.() !== 0) throw new Error(`${wanted}; it is done by itself for root only`);
  // Somebody else may be installing something at this moment.
  const apt = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', [...apt, 'update'], { env });
    await run('apt-get', [...apt, 'install', '--yes', '--no-install-recommends', name], { env, maxBuffer: 64 * 1024 * 1024 });
  } catch (cause) {
    throw new Error(`${wanted}; apt-get could not`, { cause });
  }
}
