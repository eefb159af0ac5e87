// Messages as a consumer gets them, without a broker.
import type { ConsumeMessage, Message } from '../../src/rabbitmq/connection.ts';
import type { OutgoingMessage } from '../../src/rabbitmq/publisher.ts';

const NO_PROPERTIES: Message['properties'] = {
  contentType: undefined,
  contentEncoding: undefined,
  headers: {},
  deliveryMode: undefined,
  priority: undefined,
  correlationId: undefined,
  replyTo: undefined,
  expiration: undefined,
  messageId: undefined,
  timestamp: undefined,
  type: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
};

/** The message as it would arrive. */
export function delivered({ exchange, routingKey, content, options }: OutgoingMessage): ConsumeMessage {
  const { contentType, contentEncoding, headers, correlationId, replyTo, messageId, type, userId } = options;
  return {
    content,
    fields: { deliveryTag: 1, redelivered: false, exchange, routingKey, consumerTag: 'test' },
    properties: { ...NO_PROPERTIES, contentType, contentEncoding, headers: headers ?? {}, correlationId, replyTo, messageId, type, userId },
  };
}
