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
                """)
    ]
}
