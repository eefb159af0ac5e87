import streams from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import { beforeAll, describe, expect, test } from 'vitest';
import { streamIdentifier } from './harness/messages.ts';
import { type RawRead, type ReadSpec, rawRead, readRequest, revisionsIn } from './harness/raw-read.ts';
import { event, events, nth, stored, streamOf } from './harness/streams.ts';

const filter = { on: 'stream', prefixes: ['contract-'] } as const;

let stream: string;
let between: bigint;

beforeAll(async () => {
  stream = await streamOf(events(2));
  const [first, second] = await stored(stream);
  between = (first?.position ?? 0n) + 1n;
  if (between === second?.position) throw new Error('these positions leave no room for one that is no record');
});

/** The status of a refused read, after making sure that the server still serves. */
async function refusal(read: Promise<RawRead>): Promise<number> {
  const { responses, error } = await read;
  expect(revisionsIn(responses)).toEqual([]);
  if (error === undefined) throw new Error('the read was not refused');
  const alive = await rawRead(readRequest({ stream }));
  expect(revisionsIn(alive.responses)).toEqual([0n, 1n]);
  return error.code;
}

const refused = (spec: ReadSpec) => refusal(rawRead(readRequest(spec)));

describe('as unknown (2)', () => {
  test('a stream read forwards from the end', async () => {
    expect(await refused({ stream, from: 'end' })).toBe(status.UNKNOWN);
  });

  test.each(['forwards', 'backwards'] as const)('$all %s from a position that is no record', async (direction) => {
    expect(await refused({ from: between, direction, count: 10 })).toBe(status.UNKNOWN);
  });

  test.each(['stream', 'type'] as const)('a bad regular expression on the %s', async (on) => {
    expect(await refused({ filter: { on, regex: '[a-' }, count: 10 })).toBe(status.UNKNOWN);
  });

  test('a subscription with a bad regular expression', async () => {
    expect(await refused({ filter: { on: 'stream', regex: '(' }, count: 'subscription' })).toBe(status.UNKNOWN);
  });

  test('a filtered subscription with a checkpoint multiplier of 0', async () => {
    expect(await refused({ filter: { ...filter, checkpointMultiplier: 0 }, count: 'subscription' })).toBe(status.UNKNOWN);
  });
});

describe('as an invalid argument (3)', () => {
  test('a filter on a stream', async () => {
    expect(await refused({ stream, filter })).toBe(status.INVALID_ARGUMENT);
  });

  test('a subscription to a stream with a filter', async () => {
    expect(await refused({ stream, filter, count: 'subscription' })).toBe(status.INVALID_ARGUMENT);
  });

  test('a subscription to a stream backwards', async () => {
    expect(await refused({ stream, direction: 'backwards', count: 'subscription' })).toBe(status.INVALID_ARGUMENT);
  });

  test('a subscription to $all backwards', async () => {
    expect(await refused({ direction: 'backwards', from: 'end', count: 'subscription' })).toBe(status.INVALID_ARGUMENT);
  });

  test('a filtered subscription to $all backwards', async () => {
    expect(await refused({ direction: 'backwards', from: 'end', filter, count: 'subscription' })).toBe(status.INVALID_ARGUMENT);
  });

  test('neither a count nor a subscription', async () => {
    const request = readRequest({ stream });
    request.getOptions()?.clearCount();
    expect(await refusal(rawRead(request))).toBe(status.INVALID_ARGUMENT);
  });

  test('neither a filter nor its absence', async () => {
    const request = readRequest({ stream });
    request.getOptions()?.clearNoFilter();
    expect(await refusal(rawRead(request))).toBe(status.INVALID_ARGUMENT);
  });

  test('neither a stream nor $all', async () => {
    const request = readRequest({ stream });
    request.getOptions()?.clearStream();
    expect(await refusal(rawRead(request))).toBe(status.INVALID_ARGUMENT);
  });
});

describe('in any way that leaves the server serving', () => {
  test('a request without options', async () => {
    await refusal(rawRead(new streams.ReadReq()));
  });

  test('a stream without a revision to begin from', async () => {
    const options = new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(streamIdentifier(stream));
    const request = readRequest({ stream });
    request.getOptions()?.setStream(options);
    await refusal(rawRead(request));
  });

  test('a stream without a name', async () => {
    await refusal(rawRead(readRequest({ stream: '' })));
  });
});

test('a server that refused a read still accepts an append', async () => {
  await refused({ stream, filter });
  expect(nth(await stored(await streamOf([event()])), 0).revision).toBe(0n);
});
