import SQLite

/// The embedded Kinesis's tables.
enum Schema {
    static let migrations = [
        Migration(
            version: 1,
            sql: """
                CREATE TABLE streams (
                    name TEXT PRIMARY KEY, created INTEGER NOT NULL, status TEXT NOT NULL, mode TEXT NOT NULL,
                    retention_hours INTEGER NOT NULL, max_record_kib INTEGER NOT NULL, encryption_key TEXT,
                    next_shard INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE tags (
                    stream TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (stream, key)
                ) STRICT, WITHOUT ROWID;
                -- key is never used again, so that what a deleted shard left behind cannot be taken for another's.
                CREATE TABLE shards (
                    key INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, number INTEGER NOT NULL,
                    parent INTEGER, adjacent_parent INTEGER, first_hash_key TEXT NOT NULL, last_hash_key TEXT NOT NULL,
                    created INTEGER NOT NULL, closed INTEGER, next_ordinal INTEGER NOT NULL, UNIQUE (stream, number)
                ) STRICT;
                -- id is the shard's key in the upper bits and the record's ordinal in the lower 39: a shard's records
                -- lie together and in order. entry is the record as GetRecords shows it; bytes counts data and key.
                CREATE TABLE records (
                    id INTEGER PRIMARY KEY, arrival INTEGER NOT NULL, bytes INTEGER NOT NULL, entry BLOB NOT NULL
                ) STRICT;
                """),
        Migration(
            version: 2,
            sql: """
                -- The names of shard_metrics have commas between them; warm_throughput is in MiB a second.
                ALTER TABLE streams ADD COLUMN shard_metrics TEXT NOT NULL DEFAULT '';
                ALTER TABLE streams ADD COLUMN policy TEXT;
                ALTER TABLE streams ADD COLUMN warm_throughput INTEGER;
                -- One row, where the account has ever committed itself to a minimum of throughput.
                CREATE TABLE account (
                    only INTEGER PRIMARY KEY CHECK (only = 1), started INTEGER NOT NULL, ended INTEGER
                ) STRICT;
                """),
        Migration(
            version: 3,
            sql: """
                -- With enhanced fan-out.
                CREATE TABLE consumers (
                    stream TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (stream, name)
                ) STRICT, WITHOUT ROWID;
                """),
        Migration(
            version: 4,
            sql: """
                CREATE TABLE consumer_tags (
                    stream TEXT NOT NULL, consumer TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
                    PRIMARY KEY (stream, consumer, key)
                ) STRICT, WITHOUT ROWID;
                """),
        Migration(
            version: 5,
            sql: "ALTER TABLE streams ADD COLUMN distribution TEXT NOT NULL DEFAULT 'USER_PARTITION_KEY';"),
    ]
}

/// A shard's number in the store, and the row numbers of its records.
struct StoredShard: Hashable, Sendable {
    let key: Int64

    private static let ordinalBits: Int64 = 39

    func row(_ ordinal: Int64) -> Int64 { key << Self.ordinalBits | ordinal }
    func ordinal(row: Int64) -> Int64 { row & (1 << Self.ordinalBits - 1) }
    var firstRow: Int64 { row(0) }
    var endRow: Int64 { (key + 1) << Self.ordinalBits }
}
