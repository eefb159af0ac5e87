import shared from '@eventstore/db-client/generated/shared_pb.js';
import { describe, expect, test } from 'vitest';
import { callMetadata, rawServerFeatures } from './harness/connection.ts';

const methods = () =>
  new Promise<{ version: string; paths: string[] }>((resolve, reject) => {
    rawServerFeatures.getSupportedMethods(new shared.Empty(), callMetadata(), (error, response) => {
      if (error !== null) reject(error);
      else {
        const paths = response.getMethodsList().map((method) => `/${method.getServiceName()}/${method.getMethodName()}`);
        resolve({ version: response.getEventStoreServerVersion(), paths });
      }
    });
  });

describe('the server features', () => {
  test('name a server version', async () => {
    expect((await methods()).version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test.each(['read', 'append', 'delete', 'tombstone', 'batchappend'])('list %s of the streams service, in lower case', async (method) => {
    expect((await methods()).paths).toContain(`/event_store.client.streams.streams/${method}`);
  });
});
