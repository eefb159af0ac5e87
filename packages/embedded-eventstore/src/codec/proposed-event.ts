import { decodeUuid } from './shared-messages.ts';
import { MalformedMessageError, readFields } from './wire-reader.ts';

/** An event as a client sends it. Views into the request's bytes. */
export interface ProposedEvent {
  readonly id: Buffer;
  readonly type: string;
  readonly isJson: boolean;
  readonly customMetadata: Buffer;
  readonly data: Buffer;
}

/** A property every event must have is absent from its metadata map. */
export class MissingMetadataPropertyError extends MalformedMessageError {
  override name = 'MissingMetadataPropertyError';
}

const EMPTY = Buffer.alloc(0);

/** ProposedMessage, of both Append and BatchAppend: id = 1, metadata = 2, custom_metadata = 3, data = 4. */
export function decodeProposedEvent(message: Buffer): ProposedEvent {
  let id: Buffer | undefined;
  let type: string | undefined;
  let contentType: string | undefined;
  let customMetadata: Buffer = EMPTY;
  let data: Buffer = EMPTY;
  const fields = readFields(message);
  while (fields.next()) {
    switch (fields.number) {
      case 1:
        id = decodeUuid(fields.bytes);
        break;
      case 2: {
        const [key, value] = decodeMapEntry(fields.bytes);
        if (key === 'type') type = value;
        if (key === 'content-type') contentType = value;
        break;
      }
      case 3:
        customMetadata = fields.bytes;
        break;
      case 4:
        data = fields.bytes;
        break;
    }
  }
  if (id === undefined) throw new MalformedMessageError('an event has no id');
  if (type === undefined) throw new MissingMetadataPropertyError("Required Metadata Property 'type' is missing");
  if (contentType === undefined) throw new MissingMetadataPropertyError("Required Metadata Property 'content-type' is missing");
  if (type === '') throw new MalformedMessageError('an event has an empty type');
  return { id, type, isJson: contentType === 'application/json', customMetadata, data };
}

function decodeMapEntry(message: Buffer): [key: string, value: string] {
  let key = '';
  let value = '';
  const fields = readFields(message);
  while (fields.next()) {
    if (fields.number === 1) key = fields.bytes.toString('utf8');
    if (fields.number === 2) value = fields.bytes.toString('utf8');
  }
  return [key, value];
}
