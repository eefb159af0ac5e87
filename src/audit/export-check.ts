// An export checked without the ledger: with its own lines and the public keys of the chain, and nothing else.
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { makeChainCheck } from './chain-check.ts';
import type { CheckpointKeys } from './chain-checkpoint.ts';
import type { ChainReport } from './chain-ledger.ts';
import { reportOf } from './chain-ledger.ts';
import { readSeries, withKept } from './chain-series.ts';
import { CHECKPOINT_LINE, ExportLine } from './export-format.ts';
import type { Finding } from './findings.ts';

export interface ExportTrust {
  readonly keys: CheckpointKeys;
  /** Checkpoints that were kept elsewhere, as parsed JSON. */
  readonly kept?: readonly unknown[] | undefined;
  /** Those of the export, where they were read already. */
  readonly checkpoints?: readonly unknown[];
}

/**
 * Holds the export in that file against the checkpoints in it, and those that were kept elsewhere. What follows the last of them is unproven, and as an export ends in
 * one, that is a finding; so is a missing end. Flat in memory but for the checkpoints.
 * @throws the file system's error where it cannot be read.
 */
export async function verifyExport(file: string, { keys, kept = [], checkpoints: known }: ExportTrust): Promise<ChainReport> {
  const series = withKept(readSeries(known ?? (await checkpointsIn(textOf(file))), keys), kept, keys);
  const check = makeChainCheck(series.standing);
  const findings: Finding[] = [];
  let number = 0;
  let end: Extract<ExportLine, { kind: 'end' }> | undefined;
  let checkpoints = 0;
  for await (const text of linesOf(textOf(file))) {
    number += 1;
    const line = parsed(text);
    if (line === undefined || (number === 1) !== (line.kind === 'header') || end !== undefined) {
      findings.push({ kind: 'export_altered', detail: `Line ${number} is not one that an export has there.` });
      continue;
    }
    if (line.kind === 'event') {
      const { stream, revision, position, id: eventId, type, data, metadata } = line;
      check.add({ stream, revision: BigInt(revision), position: BigInt(position), eventId, type, data, metadata });
    } else if (line.kind === 'checkpoint') checkpoints += 1;
    else if (line.kind === 'end') end = line;
  }
  const verdict = check.end();
  findings.push(...endFindings(end, verdict.events, checkpoints));
  const unproven = verdict.events - verdict.proven;
  if (unproven > 0n && verdict.findings.length === 0)
    findings.push({ kind: 'unproven', detail: `${unproven} events follow the last checkpoint of the export: nothing proves them.` });
  const report = reportOf(series, verdict);
  return { ...report, findings: [...report.findings, ...findings] };
}

function endFindings(end: Extract<ExportLine, { kind: 'end' }> | undefined, events: bigint, checkpoints: number): readonly Finding[] {
  if (end === undefined) return [{ kind: 'export_truncated', detail: 'The export is cut off: the line that ends it is missing.' }];
  if (end.events === `${events}` && end.checkpoints === `${checkpoints}`) return [];
  return [
    {
      kind: 'export_truncated',
      detail: 'The export has not as many lines as its end says.',
      expected: `${end.events} events and ${end.checkpoints} checkpoints`,
      found: `${events} events and ${checkpoints} checkpoints`,
    },
  ];
}

/** The checkpoints in an export, as parsed JSON. */
export async function checkpointsIn(pieces: AsyncIterable<string>): Promise<readonly unknown[]> {
  const checkpoints: unknown[] = [];
  for await (const text of linesOf(pieces)) {
    const line = text.startsWith(CHECKPOINT_LINE) ? parsed(text) : undefined;
    if (line?.kind === 'checkpoint') checkpoints.push(line.checkpoint);
  }
  return checkpoints;
}

/** A file's text, in pieces. */
export const textOf = (file: string): Readable => createReadStream(file, 'utf8');

/** The lines of a text that comes in pieces, without their ends. Only a line feed ends one: Node's own reader ends them at U+2028 too, which JSON may have in a string. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function parsed(text: string): ExportLine | undefined {
  try {
    return ExportLine.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // it is cut off
  }
}
