import { readdirSync, readFileSync } from 'node:fs';

export interface NamedProcess {
  readonly pid: number;
  readonly commandLine: string;
}

/** The running processes whose command line contains the text, e.g. a data folder; this one and zombies left out. */
export function processesNaming(text: string): NamedProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const commandLine = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return commandLine.includes(text) ? [{ pid: Number(name), commandLine }] : [];
      } catch {
        // Ended while we were looking.
        return [];
      }
    });
}
