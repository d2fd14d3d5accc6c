import Bytes
import JSON
import Kinesis
import TestSupport
import Testing

/// Tests/Vectors/kpl-aggregated.json and Tests/Recordings/kpl-peers.json, written.
@Suite struct AggregateTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let data: [UInt8]
        let records: [Record]
        var testDescription: String { name }
    }

    struct Record: Sendable {
        let key: String
        let hashKey: String?
        let data: [UInt8]

        var entry: PutRecordEntry {
            PutRecordEntry(ByteBuffer(data), partitionKey: key, explicitHashKey: hashKey.flatMap(HashKey.init))
        }
    }

    @Test func `the vectors are there`() {
        #expect(Self.vectors().count == 6 + 5)
    }

    @Test(arguments: vectors())
    func `the same bytes come out as of aws-kinesis-agg, for Python and for JavaScript`(vector: Vector) {
        var aggregate = Aggregate()
        for record in vector.records {
            let isAdded = aggregate.add(record.entry, limit: .max)
            #expect(isAdded)
        }
        let data = aggregate.encoded()
        #expect(aggregate.size == data.count)
        #expect(data.array == vector.data)
        #expect(Aggregate.isAggregate(data.bytes))
    }

    @Test func `what does not fit changes nothing`() {
        for size in 40..<200 {
            var aggregate = Aggregate()
            var records = 0
            let entry = { Record(key: "k\(records)", hashKey: "1\(records)", data: [1, 2, 3]).entry }
            while aggregate.add(entry(), limit: size) { records += 1 }
            #expect(aggregate.entries.count == records && aggregate.size <= size)
            #expect(aggregate.encoded().count == aggregate.size)
        }
    }

    static func vectors() -> [Vector] {
        ["Vectors/kpl-aggregated.json", "Recordings/kpl-peers.json"].flatMap(vectors(in:))
    }

    private static func vectors(in file: String) -> [Vector] {
        guard let file = try? testFile(file),
            let cases = try? JSONParser.parse(file.text)["cases"]?.array
        else { return [] }
        return cases.map { vector in
            Vector(
                name: vector["name"]?.string ?? "", data: bytes(vector["aggregatedBase64"]),
                records: (vector["records"]?.array ?? []).map {
                    Record(
                        key: $0["partitionKey"]?.string ?? "", hashKey: $0["explicitHashKey"]?.string,
                        data: bytes($0["dataBase64"]))
                })
        }
    }

    private static func bytes(_ json: JSONValue?) -> [UInt8] {
        json?.string.flatMap { Base64.decode($0) } ?? []
    }
}
