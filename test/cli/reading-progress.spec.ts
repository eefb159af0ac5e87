import { expect, it } from 'vitest';
import { tellReading } from '../../src/cli/reading-progress.ts';

it('says every two seconds how far it is, how fast, and how long it takes yet', () => {
  let now = 0;
  const said: string[] = [];
  const tell = tellReading(
    (message) => said.push(message),
    () => now,
  );
  const at = (ms: number, events: number, position: bigint): void => {
    now = ms;
    tell({ events, position, end: 1_100n });
  };
  at(10, 1, 100n);
  at(1_999, 900, 200n);
  expect(said).toEqual([]);
  at(2_500, 50_000, 600n);
  at(3_000, 60_000, 700n);
  at(5_000, 100_000, 1_100n);
  expect(said).toEqual(['50,000 events, 50 %, 20,000/s, 3 s left', '100,000 events, 100 %, 20,000/s, 0 s left']);
});
