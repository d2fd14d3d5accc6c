import Bytes
import CBOR
import JSON
import Testing
import Time

@testable import LocalKinesis

extension CBORValue {
    /// The member of that name of a map.
    subscript(name: String) -> CBORValue? {
        guard case .map(let members) = self else { return nil }
        return members.first { $0.key == .text(name) }?.value
    }

    var elements: [CBORValue] { if case .array(let elements) = self { elements } else { [] } }
    var text: String? { if case .text(let text) = self { text } else { nil } }

    static func object(_ members: KeyValuePairs<String, CBORValue>) -> CBORValue {
        .map(members.map { CBORMember(.text($0), $1) })
    }
}

@Suite(.timeLimit(.minutes(4))) struct CBORRequestTests {
    private static let binary = [UInt8](0...255)

    private func record(_ data: [UInt8], key: String = "schlüssel\"\n") -> CBORValue {
        .object(["Data": .bytes(data), "PartitionKey": .text(key), "ExplicitHashKey": .text("0")])
    }

    private func read(_ kinesis: Embedded) async throws -> CBORValue {
        let iterator = try await kinesis.call(
            .getShardIterator,
            cbor: .object([
                "StreamName": .text("s"), "ShardId": .text(LocalShard.id(0)),
                "ShardIteratorType": .text("TRIM_HORIZON"),
            ]))
        return try await kinesis.call(.getRecords, cbor: .object(["ShardIterator": iterator["ShardIterator"] ?? .null]))
    }

    @Test func `what CBOR puts is read in both formats`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        let put = try await kinesis.call(
            .putRecords,
            cbor: .object(["StreamName": .text("s"), "Records": .array([record(Self.binary), record([])])]))
        #expect(put["FailedRecordCount"] == .unsigned(0) && put["Records"]?.elements.count == 2)
        let one = try await kinesis.call(
            .putRecord,
            cbor: .object([
                "StreamName": .text("s"), "Data": .bytes([1]), "PartitionKey": .text("k"),
                "SequenceNumberForOrdering": put["Records"]?.elements[1]["SequenceNumber"] ?? .null,
            ]))
        #expect(one["EncryptionType"] == .text("NONE"))

        let answer = try await read(kinesis)
        let records = answer["Records"]?.elements ?? []
        #expect(records.map { $0["Data"] } == [.bytes(Self.binary), .bytes([]), .bytes([1])])
        #expect(records.map { $0["PartitionKey"]?.text } == ["schlüssel\"\n", "schlüssel\"\n", "k"])
        #expect(records.last?["SequenceNumber"] == one["SequenceNumber"])
        guard case .tag(1, .unsigned(let arrival)) = records.first?["ApproximateArrivalTimestamp"] else {
            Issue.record("no time: \(records)")
            return
        }
        #expect(abs(Int64(arrival) - WallTime.now().milliseconds) < 60_000)
        #expect(answer["MillisBehindLatest"] == .unsigned(0) && answer["NextShardIterator"]?.text != nil)

        let json = try await kinesis.read(try await kinesis.iterator(0))
        let first = try #require(json["Records"]?[0])
        #expect(first["Data"]?.string == Base64.encode(Self.binary))
        #expect(first["PartitionKey"]?.string == "schlüssel\"\n")
        #expect(first["SequenceNumber"]?.string == records[0]["SequenceNumber"]?.text)
        #expect(first["ApproximateArrivalTimestamp"]?.number == WallTime(milliseconds: Int64(arrival)).epochSeconds)
    }

    @Test func `what JSON puts is read in CBOR`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        for data in ["", "a", "ab", "abc"] { _ = try await kinesis.put(data) }
        try await kinesis.call(
            .putRecord, #"{"StreamName":"s","Data":"\/\/8=","PartitionKey":"\u00fc\"","ExplicitHashKey":"0"}"#)
        let records = try await read(kinesis)["Records"]?.elements ?? []
        #expect(
            records.map { $0["Data"] }
                == [.bytes([]), .bytes([97]), .bytes([97, 98]), .bytes([97, 98, 99]), .bytes([255, 255])])
        #expect(records.last?["PartitionKey"] == .text("ü\""))
    }

    @Test func `strings in chunks are put as one`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        let body = CBORWriter(ByteBuffer())
        body.beginMap()
        body.text("StreamName")
        body.text("s")
        body.text("Records")
        body.beginArray()
        for _ in 0..<2 {
            body.beginMap()
            body.text("Data")
            body.buffer.append(contentsOf: [0x5f, 0x41, 1, 0x42, 2, 3, 0xff])
            body.text("PartitionKey")
            body.buffer.append(contentsOf: [0x7f, 0x61, 0x61, 0x61, 0x62, 0xff])
            body.end()
        }
        body.end()
        body.end()
        try await kinesis.onLoop { service in
            _ = try await service.respond(to: "PutRecords", body.buffer, as: .cbor)
        }
        let records = try await read(kinesis)["Records"]?.elements ?? []
        #expect(records.map { $0["Data"] } == [.bytes([1, 2, 3]), .bytes([1, 2, 3])])
        #expect(records.map { $0["PartitionKey"] } == [.text("ab"), .text("ab")])
    }

    @Test(arguments: [
        (
            "SerializationException", "NUMBER_VALUE",
            CBORValue.object(["Data": .unsigned(1), "PartitionKey": .text("k")])
        ),
        ("SerializationException", "a text", .object(["Data": .text("eA=="), "PartitionKey": .text("k")])),
        ("SerializationException", "list", .object(["Data": .array([]), "PartitionKey": .text("k")])),
        ("SerializationException", "a byte string", .object(["Data": .bytes([]), "PartitionKey": .bytes([107])])),
        ("ValidationException", "null", .object(["Data": .null, "PartitionKey": .text("k")])),
        ("ValidationException", "null", .object(["Data": .bytes([])])),
        ("ValidationException", "between 1 and 256", .object(["Data": .bytes([]), "PartitionKey": .text("")])),
    ])
    func `a record of another kind is told as such`(_ code: String, _ word: String, _ record: CBORValue) async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        let fault = await #expect(throws: ServiceFault.self) {
            try await kinesis.call(
                .putRecords, cbor: .object(["StreamName": .text("s"), "Records": .array([record])]))
        }
        #expect(fault?.code == code && fault?.message.contains(word) == true)
    }

    @Test func `a body that is no CBOR map is told with its place`() async throws {
        let kinesis = try await Embedded()
        for operation in ["ListStreams", "PutRecords"] {
            for (body, word) in [([0xbf, 0x61], "at byte 2"), ([0xa1, 0x61, 0x61, 0x1c], "at byte 3"), ([0x80], "")] {
                let fault = await #expect(throws: ServiceFault.self) {
                    try await kinesis.onLoop { service in
                        _ = try await service.respond(to: operation, ByteBuffer(body.map(UInt8.init)), as: .cbor)
                    }
                }
                #expect(fault?.code == "SerializationException" && fault?.message.contains(word) == true)
            }
        }
    }

    @Test func `times are tag 1 of milliseconds, or of seconds with a fraction`() throws {
        func time(_ value: CBORValue) throws -> WallTime? {
            let writer = CBORWriter(ByteBuffer())
            writer.value(.object(["Timestamp": value, "Unknown": .object(["a": .bytes([1])]), "None": .undefined]))
            let fields = try RequestFields(body: writer.buffer, .cbor)
            #expect(fields.has("None") == false)
            return try fields.optionalTime("Timestamp")
        }
        let expected = WallTime(milliseconds: 1_795_683_529_543)
        #expect(try time(.tag(1, .unsigned(1_795_683_529_543))) == expected)
        #expect(try time(.tag(1, .float(1_795_683_529.543))) == expected)
        #expect(try time(.float(1_795_683_529.543)) == expected)
        #expect(try time(.tag(1, .negative(999))) == WallTime(milliseconds: -1000))
        #expect(try time(.null) == nil)
        for wrong: CBORValue in [.unsigned(1_795_683_529_543), .tag(1, .unsigned(.max)), .tag(1, .text("2026"))] {
            #expect(throws: ServiceFault.self) { try time(wrong) }
        }
    }

    @Test func `a fault of a stream hits its puts in CBOR`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        try await kinesis.onLoop { $0.faults.order(FaultPlan.Fault(stream: "s", kind: .fail)) }
        let fault = await #expect(throws: ServiceFault.self) {
            try await kinesis.call(
                .putRecords, cbor: .object(["StreamName": .text("s"), "Records": .array([record([1])])]))
        }
        #expect(fault?.code == "InternalFailure")
    }
}
