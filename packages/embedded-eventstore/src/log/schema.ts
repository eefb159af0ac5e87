/** "evst": tells this server's file from any other SQLite database. */
export const APPLICATION_ID = 0x65767374;
export const SCHEMA_VERSION = 1;

/**
 * The whole log is one table in the order of positions. `record` is the RecordedEvent message as it is sent; the other columns
 * choose it. Ids are indexed per stream, for idempotent appends.
 */
export const CREATE_SCHEMA = `
  CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX events_by_revision ON events (stream, revision);
  CREATE INDEX events_by_id ON events (stream, id);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
