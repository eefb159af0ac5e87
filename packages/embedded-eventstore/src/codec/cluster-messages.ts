import { encodeMessage } from './wire-writer.ts';

/** The version announced to clients: that of the server whose behaviour this one follows. */
const SERVER_VERSION = '23.10.8';

/** SupportedMethods: the client looks each method up here before it uses it. */
export function encodeSupportedMethods(methods: readonly { readonly service: string; readonly method: string }[]): Buffer {
  return encodeMessage((supported) => {
    for (const { service, method } of methods) {
      supported.message(1, (entry) => {
        entry.string(1, method.toLowerCase());
        entry.string(2, service.toLowerCase());
      });
    }
    supported.string(2, SERVER_VERSION);
  });
}

const STATE_LEADER = 8;

/** ClusterInfo with one member: this server, alive and leader, at the address by which the client reached it. */
export function encodeClusterInfo(instanceId: string, host: string, port: number): Buffer {
  return encodeMessage((cluster) =>
    cluster.message(1, (member) => {
      member.message(1, (uuid) => uuid.string(2, instanceId));
      member.varint(2, BigInt(Date.now()) * 10_000n);
      member.varint(3, STATE_LEADER);
      member.varint(4, 1);
      member.message(5, (endPoint) => {
        endPoint.string(1, host);
        endPoint.varint(2, port);
      });
    }),
  );
}
