import AWS
import Bytes
import JSON
import Kinesis
import Protobuf
import TestSupport
import Testing

/// The format: Tests/Vectors/kpl-aggregated.json, Tests/Recordings/kpl-peers.json, and what is not such a record.
@Suite struct AggregatedRecordsTests {
    typealias User = AggregateText.User

    private static func cases(_ file: String) throws -> [JSONValue] {
        try #require(JSONParser.parse(try testFile(file))["cases"]?.array)
    }

    private func users(
        _ data: [UInt8], keeping shard: HashKeyRange? = nil, behind done: Int? = nil
    ) -> [User]? {
        // Inside other bytes, as in a response.
        let buffer = ByteBuffer([0, 0, 0] + data + [0])
        let opening = AggregatedRecords.open(buffer, 3..<(3 + data.count), keeping: shard, behind: done)
        guard case .aggregate(var records) = opening else { return nil }
        var users: [User] = []
        while let user = records.next() {
            let text = { String(decoding: buffer.bytes[$0], as: UTF8.self) }
            users.append(
                User(
                    key: text(user.partitionKey), hashKey: user.explicitHashKey.map(text),
                    data: Array(buffer.bytes[user.data])))
        }
        #expect(records.isAtEnd)
        return users
    }

    @Test(arguments: ["Vectors/kpl-aggregated.json", "Recordings/kpl-peers.json"])
    func `user records of other implementations come as they were put`(file: String) throws {
        for test in try Self.cases(file) {
            let data = try #require(test["aggregatedBase64"]?.string.flatMap(Base64.decode))
            let expected = try #require(test["records"]?.array).map {
                User(
                    key: try #require($0["partitionKey"]?.string), hashKey: $0["explicitHashKey"]?.string,
                    data: try #require($0["dataBase64"]?.string.flatMap(Base64.decode)))
            }
            #expect(users(data) == expected, "\(test["name"]?.string ?? "")")
        }
    }

    @Test func `any damaged byte makes it a record like others, as does a missing one`() {
        let whole = AggregateText.aggregate([User(data: Array("one".utf8)), User(key: "ä", hashKey: "7", data: [])])
        #expect(users(whole)?.count == 2)
        for at in whole.indices {
            var damaged = whole
            damaged[at] ^= 0x41
            #expect(users(damaged) == nil, "byte \(at)")
            #expect(users(Array(whole.prefix(at))) == nil)
        }
    }

    @Test(arguments: [
        "no user record", "an index beyond its table", "a hash key's index beyond its table", "no key", "no data",
        "a key that is not UTF-8", "a hash key that is no number", "a hash key beyond the ring", "a group",
        "a record that is a number", "a key that is a number", "an index that is a text",
    ])
    func `a message of another kind is none, whatever its checksum`(_ kind: String) {
        let data = AggregateText.sealed { writer in
            if kind == "a key that is a number" { writer.int(1, 5) } else { writer.text(1, "k") }
            if kind == "a key that is not UTF-8" { writer.bytes(1, ByteBuffer([0xff])) }
            if kind == "a hash key that is no number" { writer.text(2, "x") }
            if kind == "a hash key beyond the ring" { writer.text(2, "340282366920938463463374607431768211456") }
            if kind == "a group" { writer.varint(4 << 3 | 3) }
            if kind == "a record that is a number" { writer.int(3, 5) }
            if kind == "no user record" { return }
            writer.message(3) { record in
                if kind == "an index that is a text" { record.text(1, "0") }
                if kind != "no key" { record.int(1, kind == "an index beyond its table" ? 1 : 0) }
                if kind == "a hash key's index beyond its table" { record.int(2, 0) }
                if kind != "no data" { record.text(3, "data") }
            }
        }
        #expect(users(data) == nil)
    }

    @Test func `fields may stand in any order, unknown ones are passed over, and tags too`() {
        let data = AggregateText.sealed { writer in
            writer.message(3) { record in
                record.text(3, "first")
                record.text(3, "last")
                record.message(4) { $0.text(1, "tag") }
                record.int(9, -1)
                record.int(1, 1)
            }
            writer.double(7, 1)
            writer.text(1, "a")
            writer.text(1, "b")
        }
        #expect(users(data) == [User(key: "b", data: Array("last".utf8))])
    }

    @Test func `records outside the shard's range are left out by their hash keys, and keep their numbers`() throws {
        let half = UInt128.max / 2
        let range = try #require(HashKeyRange(start: .lowest, end: HashKey(half)))
        let keys = (0..<40).map { "key-\($0)" }
        let all =
            keys.map { User(key: $0, data: Array($0.utf8)) }
            + [User(hashKey: "0", data: [1]), User(hashKey: String(UInt128.max), data: [2])]
        let buffer = ByteBuffer(AggregateText.aggregate(all))
        guard case .aggregate(var records) = AggregatedRecords.open(buffer, 0..<buffer.count, keeping: range) else {
            Issue.record("not aggregated")
            return
        }
        var numbers: [Int] = []
        while let user = records.next() { numbers.append(user.subSequenceNumber) }
        let expected = keys.indices.filter { range.contains(HashKey(partitionKey: keys[$0])) } + [40]
        #expect(numbers == expected)
        #expect(records.droppedCount == all.count - expected.count)
    }

    @Test func `what is done is passed over`() {
        let all = (0..<5).map { User(data: [UInt8($0)]) }
        let data = AggregateText.aggregate(all)
        for done in 0..<6 { #expect(users(data, behind: done) == Array(all.dropFirst(done + 1))) }
    }

    @Test func `more user records, keys or bytes than the bounds say are too many`() {
        let limit = AggregatedRecords.maxUserRecords
        let records: (Int) -> [UInt8] = { count in
            AggregateText.sealed { writer in
                writer.text(1, "")
                for _ in 0..<count { writer.bytes(3, ByteBuffer([0x08, 0, 0x1a, 0])) }
            }
        }
        let opening: ([UInt8]) -> AggregatedRecords.Excess? = { data in
            let buffer = ByteBuffer(data)
            guard case .tooLarge(let excess) = AggregatedRecords.open(buffer, 0..<buffer.count) else { return nil }
            return excess
        }
        #expect(opening(records(limit)) == nil)
        #expect(opening(records(limit + 1)) == .userRecords)
        let keys = AggregateText.sealed { writer in
            for _ in 0...limit { writer.text(1, "") }
            writer.bytes(3, ByteBuffer([0x08, 0, 0x1a, 0]))
        }
        #expect(opening(keys) == .userRecords)
        let long = AggregateText.aggregate([User(data: [UInt8](repeating: 7, count: AggregatedRecords.maxBytes))])
        #expect(opening(long) == .bytes(long.count))
    }
}
