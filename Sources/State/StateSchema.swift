import SQLite

/// The state database's schema, one migration a version. A version that has been released is never edited.
enum StateSchema {
    static let migrations = [
        // Times are milliseconds since the epoch. A sequence number has up to 129 digits and stays text; it compares by
        // length, then text.
        Migration(
            version: 1,
            sql: """
                CREATE TABLE consumers (
                    id INTEGER PRIMARY KEY,
                    stream TEXT NOT NULL,
                    consumer_group TEXT NOT NULL,
                    stream_created_on INTEGER NOT NULL,
                    latest_since INTEGER,
                    UNIQUE (stream, consumer_group)
                );
                CREATE TABLE shards (
                    consumer INTEGER NOT NULL REFERENCES consumers (id),
                    shard TEXT NOT NULL,
                    parent TEXT,
                    adjacent_parent TEXT,
                    start INTEGER NOT NULL,
                    sequence_number TEXT,
                    sub_sequence_number INTEGER,
                    arrival INTEGER,
                    depleted INTEGER NOT NULL DEFAULT 0,
                    PRIMARY KEY (consumer, shard)
                ) WITHOUT ROWID;
                """),
        // The delivery log. A reader's state is 0 while it is connected, 1 when it was lost and what it may not have read
        // is not provided for yet, 2 when it has ended. `newest` and `sent` are its last event's number and end offset; of
        // the events up to `pruned` some or all are not kept. Numbers may have gaps. Offsets and `unread` are bytes.
        Migration(
            version: 2,
            sql: """
                CREATE TABLE readers (
                    consumer INTEGER NOT NULL REFERENCES consumers (id),
                    reader TEXT NOT NULL,
                    joined INTEGER NOT NULL,
                    unread INTEGER NOT NULL,
                    state INTEGER NOT NULL DEFAULT 0,
                    ended INTEGER,
                    newest INTEGER NOT NULL DEFAULT 0,
                    sent INTEGER NOT NULL DEFAULT 0,
                    pruned INTEGER NOT NULL DEFAULT 0,
                    PRIMARY KEY (consumer, reader)
                ) WITHOUT ROWID;
                CREATE TABLE deliveries (
                    consumer INTEGER NOT NULL,
                    reader TEXT NOT NULL,
                    number INTEGER NOT NULL,
                    shard TEXT NOT NULL,
                    before_sequence_number TEXT NOT NULL,
                    before_sub_sequence_number INTEGER,
                    before_arrival INTEGER,
                    sequence_number TEXT NOT NULL,
                    sub_sequence_number INTEGER,
                    arrival INTEGER,
                    end_offset INTEGER NOT NULL,
                    PRIMARY KEY (consumer, reader, number),
                    FOREIGN KEY (consumer, reader) REFERENCES readers (consumer, reader)
                ) WITHOUT ROWID;
                """),
        // The reader whose event the client named when it came back.
        Migration(version: 3, sql: "ALTER TABLE readers ADD COLUMN follows TEXT;"),
        // When an event was sent, NULL for those of earlier versions; and when a consumer was used last: what was there
        // before is taken for used when it is migrated.
        Migration(
            version: 4,
            sql: """
                ALTER TABLE deliveries ADD COLUMN sent_on INTEGER;
                ALTER TABLE consumers ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
                UPDATE consumers SET used = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
                """),
        // The moment of `start` 3, and the run of this host's member that leased the shard last.
        Migration(
            version: 5,
            sql: """
                ALTER TABLE shards ADD COLUMN since INTEGER;
                ALTER TABLE shards ADD COLUMN run TEXT;
                """),
        // Where a shard was last put by a seek, and under which seek an event was sent; and how many records an event has, 0
        // where an earlier version sent it.
        Migration(
            version: 6,
            sql: """
                ALTER TABLE shards ADD COLUMN seek TEXT;
                ALTER TABLE deliveries ADD COLUMN seek TEXT;
                ALTER TABLE deliveries ADD COLUMN records INTEGER NOT NULL DEFAULT 0;
                """),
    ]
}
