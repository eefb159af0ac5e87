import { randomBytes } from 'node:crypto';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeAppendRequest } from '../src/codec/append-messages.ts';
import { decodeBatchAppendChunk } from '../src/codec/batch-append-messages.ts';
import { decodeReadRequest } from '../src/codec/read-request.ts';
import { encodeReadEvent } from '../src/codec/read-response.ts';
import { dataOfRecord, encodeRecordedEvent, streamOfRecord, withStructuredId } from '../src/codec/recorded-event.ts';
import { TOMBSTONE_REVISION } from '../src/codec/shared-messages.ts';
import { MalformedMessageError, readFields } from '../src/codec/wire-reader.ts';
import { encodeMessage } from '../src/codec/wire-writer.ts';
import { SERVICE } from '../src/grpc/service.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const proposed = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((array) => Buffer.from(array)),
  type: fc.string({ minLength: 1, unit: 'grapheme' }),
  isJson: fc.boolean(),
  customMetadata: bytes(300),
  data: bytes(20_000),
});

test('the service is the one that the official client defines', () => {
  const theirs = [
    ...Object.values(streamsGrpc.StreamsService),
    featuresGrpc.ServerFeaturesService.getSupportedMethods,
    gossipGrpc.GossipService.read,
  ];
  const shape = (method: { path: string; requestStream: boolean; responseStream: boolean }) =>
    `${method.path} ${method.requestStream} ${method.responseStream}`;
  expect(Object.values(SERVICE).map(shape).sort()).toEqual(theirs.map(shape).sort());
});

test('numbers of every size come back as they were written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.integer({ min: 1, max: 2 ** 20 }), (value, field) => {
      const asNumber = value <= BigInt(Number.MAX_SAFE_INTEGER);
      const cursor = readFields(encodeMessage((writer) => writer.varint(field, asNumber ? Number(value) : value)));
      expect(cursor.next()).toBe(true);
      expect([cursor.number, cursor.exactValue()]).toEqual([field, value]);
      expect(cursor.value).toBe(asNumber ? Number(value) : Number.MAX_SAFE_INTEGER);
      expect(cursor.next()).toBe(false);
    }),
  );
});

test('recorded events are what the official client understands', () => {
  fc.assert(
    fc.property(
      proposed,
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.maxSafeNat(),
      fc.maxSafeNat(),
      (event, stream, revision, position) => {
        const record = encodeRecordedEvent(event, { stream, revision, position, createdTicks: '17000000000012500' });
        const read = streams.ReadResp.deserializeBinary(encodeReadEvent(record, null, position)).getEvent();
        const theirs = read?.getEvent();
        expect(read?.getCommitPosition()).toBe(String(position));
        expect(theirs?.getId()?.getString().replaceAll('-', '')).toBe(event.id.toString('hex'));
        expect(Buffer.from(theirs?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(Buffer.from(stream).toString());
        expect(theirs?.getStreamRevision()).toBe(revision === TOMBSTONE_REVISION ? '9223372036854775807' : String(revision));
        expect(theirs?.getMetadataMap().get('type')).toBe(Buffer.from(event.type).toString());
        expect(theirs?.getMetadataMap().get('created')).toBe('17000000000012500');
        expect(Buffer.from(theirs?.getData_asU8() ?? [])).toEqual(event.data);
        expect(Buffer.from(theirs?.getCustomMetadata_asU8() ?? [])).toEqual(event.customMetadata);
        expect(streamOfRecord(record)).toBe(Buffer.from(stream).toString());
        expect(dataOfRecord(record)).toEqual(event.data);
        const structured = streams.ReadResp.ReadEvent.RecordedEvent.deserializeBinary(withStructuredId(record)).getId()?.getStructured();
        expect(BigInt(structured?.getMostSignificantBits() ?? 0)).toBe(event.id.readBigInt64BE(0));
        expect(BigInt(structured?.getLeastSignificantBits() ?? 0)).toBe(event.id.readBigInt64BE(8));
      },
    ),
    { numRuns: 60 },
  );
});

test('bytes that are no message are refused as such, never with another error', () => {
  const decoders = [decodeAppendRequest, decodeBatchAppendChunk, decodeReadRequest];
  const valid = Buffer.from(
    new streams.AppendReq()
      .setProposedMessage(new streams.AppendReq.ProposedMessage().setId(new shared.UUID().setString('x')).setData(randomBytes(20)))
      .serializeBinary(),
  );
  const damaged = fc.tuple(fc.nat(valid.length), bytes(10)).map(([at, noise]) => Buffer.concat([valid.subarray(0, at), noise]));
  const property = fc.property(fc.oneof(bytes(60), damaged), fc.constantFrom(...decoders), (message, decode) => {
    try {
      decode(message);
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
    }
  });
  expect(() => fc.assert(property, { numRuns: 5000 })).not.toThrow();
});
