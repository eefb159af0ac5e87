import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** The RPCs this server answers, as the official client names them. */
export const METHODS = {
  read: { service: 'event_store.client.streams.Streams', method: 'Read', requestStream: false, responseStream: true },
  append: { service: 'event_store.client.streams.Streams', method: 'Append', requestStream: true, responseStream: false },
  delete: { service: 'event_store.client.streams.Streams', method: 'Delete', requestStream: false, responseStream: false },
  tombstone: { service: 'event_store.client.streams.Streams', method: 'Tombstone', requestStream: false, responseStream: false },
  batchAppend: { service: 'event_store.client.streams.Streams', method: 'BatchAppend', requestStream: true, responseStream: true },
  supportedMethods: {
    service: 'event_store.client.server_features.ServerFeatures',
    method: 'GetSupportedMethods',
    requestStream: false,
    responseStream: false,
  },
  gossip: { service: 'event_store.client.gossip.Gossip', method: 'Read', requestStream: false, responseStream: false },
} as const;

type Method = (typeof METHODS)[keyof typeof METHODS];

const pass = (message: Buffer): Buffer => message;

/** Messages travel through gRPC as bytes; the handlers encode and decode them, and answer malformed ones as they should. */
function define({ service, method, requestStream, responseStream }: Method): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/${service}/${method}`,
    requestStream,
    responseStream,
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: pass,
    responseDeserialize: pass,
  };
}

export const SERVICE = {
  read: define(METHODS.read),
  append: define(METHODS.append),
  delete: define(METHODS.delete),
  tombstone: define(METHODS.tombstone),
  batchAppend: define(METHODS.batchAppend),
  supportedMethods: define(METHODS.supportedMethods),
  gossip: define(METHODS.gossip),
} satisfies ServiceDefinition;
