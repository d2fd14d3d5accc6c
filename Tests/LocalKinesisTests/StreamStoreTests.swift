import Bytes
import Kinesis
import SQLite
import TestSupport
import Testing
import Time

@testable import LocalKinesis

private let start = WallTime(milliseconds: 1_700_000_000_000)

@Suite(.timeLimit(.minutes(4))) struct StreamStoreTests {
    private func stream(_ name: String = "s", shards: Int = 2) -> LocalStream {
        LocalStream(name: name, shardCount: shards, mode: .provisioned, created: start)
    }

    /// Takes ordinals for records of `texts` and stores them.
    private func append(
        _ texts: [String], to stream: inout LocalStream, shard: Int, _ store: StreamStore, at time: WallTime = start
    ) async throws {
        let stored = try #require(store.storedShard(.init(stream: stream.name, shard: shard)))
        let entries = ByteBuffer()
        var records: [StreamStore.NewRecord] = []
        for text in texts {
            let begin = entries.count
            entries.append(text)
            stream.update(shard) { changed in
                let (ordinal, arrival) = changed.take(now: time)
                records.append(
                    .init(
                        row: stored.row(ordinal), arrival: arrival, bytes: text.utf8.count,
                        entry: begin..<entries.count))
            }
        }
        try await store.append(records, entries: entries)
    }

    private func read(
        _ stream: LocalStream, shard: Int, _ store: StreamStore, from: Int64 = 0, below: Int64 = 1 << 30,
        limit: Int = 100, maxBytes: Int = 1000
    ) async throws -> String {
        let stored = try #require(store.storedShard(.init(stream: stream.name, shard: shard)))
        var answer = AnswerWriter(.json)
        answer.beginArray()
        return try await store.read(
            stored, from: from, below: below, limit: limit, maxBytes: maxBytes, into: answer
        ).answer.buffer.text
    }

    @Test func `records come back in their order and from where they are asked for`() async throws {
        let (store, none) = try await StreamStore.open(.memory)
        #expect(none.streams.isEmpty && none.account == AccountSettings())
        var stream = stream()
        try await store.save(stream)
        try await append(["a", "b", "c"], to: &stream, shard: 0, store)
        try await append(["x"], to: &stream, shard: 1, store)
        #expect(try await read(stream, shard: 0, store) == "[a,b,c")
        #expect(try await read(stream, shard: 0, store, from: 2) == "[b,c")
        #expect(try await read(stream, shard: 0, store, below: 3) == "[a,b")
        #expect(try await read(stream, shard: 0, store, limit: 1) == "[a")
        #expect(try await read(stream, shard: 0, store, from: 4) == "[")
        #expect(try await read(stream, shard: 1, store) == "[x")
        await store.close()
    }

    @Test func `an answer ends before it is too large, but has one record at least`() async throws {
        let (store, _) = try await StreamStore.open(.memory)
        var stream = stream()
        try await store.save(stream)
        try await append(["aaaa", "bbbb", "cccc"], to: &stream, shard: 0, store)
        #expect(try await read(stream, shard: 0, store, maxBytes: 8) == "[aaaa,bbbb")
        #expect(try await read(stream, shard: 0, store, maxBytes: 7) == "[aaaa")
        #expect(try await read(stream, shard: 0, store, maxBytes: 1) == "[aaaa")
        await store.close()
    }

    @Test func `the first record of a time is found`() async throws {
        let (store, _) = try await StreamStore.open(.memory)
        var stream = stream()
        try await store.save(stream)
        for second in 0..<3 {
            let time = start.advanced(by: .seconds(second))
            try await append(["r\(second)"], to: &stream, shard: 0, store, at: time)
        }
        let stored = try #require(store.storedShard(.init(stream: "s", shard: 0)))
        let cases: [(Int, Int64?)] = [(-5000, 1), (0, 1), (500, 2), (2000, 3), (2001, nil)]
        for (milliseconds, expected) in cases {
            let time = start.advanced(by: .milliseconds(milliseconds))
            #expect(try await store.firstOrdinal(stored, arrivedAtOrAfter: time) == expected)
        }
        let other = try #require(store.storedShard(.init(stream: "s", shard: 1)))
        #expect(try await store.firstOrdinal(other, arrivedAtOrAfter: start) == nil)
        await store.close()
    }

    @Test func `a trim takes what is too old, and ordinals go on`() async throws {
        let (store, _) = try await StreamStore.open(.memory)
        var stream = stream()
        try await store.save(stream)
        try await append(["old"], to: &stream, shard: 0, store)
        try await append(["new"], to: &stream, shard: 0, store, at: start.advanced(by: .seconds(60)))
        try await store.trim(stream, before: start.advanced(by: .seconds(30)), expired: [])
        #expect(try await read(stream, shard: 0, store) == "[new")
        try await store.trim(stream, before: start.advanced(by: .seconds(300)), expired: [])
        try await append(["newer"], to: &stream, shard: 0, store, at: start.advanced(by: .seconds(400)))
        #expect(try await read(stream, shard: 0, store, from: 3) == "[newer")
        await store.close()
    }

    @Test func `a deleted stream leaves nothing to one of its name`() async throws {
        let (store, _) = try await StreamStore.open(.memory)
        var first = stream()
        try await store.save(first)
        try await append(["a"], to: &first, shard: 0, store)
        try await store.delete("s")
        #expect(store.storedShard(.init(stream: "s", shard: 0)) == nil)
        let second = stream()
        try await store.save(second)
        #expect(try await read(second, shard: 0, store) == "[")
        await store.close()
    }

    @Test func `a store that is opened again knows streams, shards, tags and the next ordinals`() async throws {
        let folder = TemporaryFolder()
        let (store, _) = try await StreamStore.open(.file(folder.path + "/kinesis.db"))
        var stream = stream()
        stream.status = .active
        stream.tags = ["a": "b", "c": ""]
        stream.retentionHours = 48
        stream.maxRecordKiB = 2048
        stream.encryptionKey = "alias/k"
        stream.shardMetrics = [.iteratorAge, .incomingBytes]
        stream.policy = "{}"
        stream.warmThroughput = 7
        let account = AccountSettings(started: start, ended: start.advanced(by: .seconds(86_400)))
        try await store.save(account)
        try await store.save(stream)
        try await append(["a", "b"], to: &stream, shard: 0, store, at: start.advanced(by: .seconds(9)))
        try stream.split(1, at: HashKey(3 << 126), now: start.advanced(by: .seconds(10)))
        try await store.save(stream)
        await store.close()

        let (again, loaded) = try await StreamStore.open(.file(folder.path + "/kinesis.db"))
        var expected = stream
        for shard in expected.orderedShards {
            expected.update(shard.index) {
                $0.settledOrdinal = $0.nextOrdinal
                $0.storedOrdinal = $0.nextOrdinal
            }
        }
        #expect(loaded.streams == [expected])
        #expect(loaded.account == account)
        #expect(try await read(stream, shard: 0, again) == "[a,b")
        await again.close()
    }

    @Test func `a store of the first version is read`() async throws {
        let folder = TemporaryFolder()
        let location = DatabaseLocation.file(folder.path + "/kinesis.db")
        let old = try await Database.open(location, migrations: [Schema.migrations[0]])
        try await old.write { connection throws(SQLiteError) in
            try connection.run(
                "INSERT INTO streams VALUES ('s', 1700000000000, 'ACTIVE', 'PROVISIONED', 24, 1024, NULL, 0)")
        }
        await old.close()
        let (store, loaded) = try await StreamStore.open(location)
        var expected = LocalStream(
            name: "s", created: start, status: .active, mode: .provisioned, shards: [], nextShardIndex: 0, consumers: []
        )
        #expect(loaded.streams == [expected])
        expected.shardMetrics = [.outgoingBytes]
        try await store.save(expected)
        await store.close()
    }

    @Test func `ordinals do not come again after everything was trimmed and the store was opened again`() async throws {
        let folder = TemporaryFolder()
        let (store, _) = try await StreamStore.open(.file(folder.path + "/kinesis.db"))
        var stream = stream()
        try await store.save(stream)
        try await append(["a", "b", "c"], to: &stream, shard: 0, store)
        try await store.trim(stream, before: start.advanced(by: .seconds(100)), expired: [])
        await store.close()
        let (again, loaded) = try await StreamStore.open(.file(folder.path + "/kinesis.db"))
        #expect(try #require(loaded.streams.first?.shards[0]).nextOrdinal == 4)
        await again.close()
    }
}
