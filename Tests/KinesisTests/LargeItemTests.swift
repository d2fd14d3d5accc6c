import Bytes
import JSON
import Kinesis
import Protobuf
import Testing

@Suite struct LargeItemTests {
    private static func pointer(_ key: String, _ beside: String = "") -> String {
        #"{"@S3Item":{"bucket":"b-1","eTag":"e","key":"\#(key)"}\#(beside)}"#
    }

    private func encoder(
        _ data: [String], format: RecordFormat = .json, _ parse: ShouldParseJSON = .auto, resolves: Bool = true,
        inCBOR: Bool = false
    ) throws -> RecordBatchEncoder {
        let text = AnswerText.answer(data.enumerated().map { AnswerText.record($0.offset, $0.element) })
        return RecordBatchEncoder(
            inCBOR ? try AnswerText.inCBOR(text) : ByteBuffer(text), stream: StreamName("orders")!,
            shard: ShardID(number: 0),
            encoding: RecordEncoding(format: format, shouldParseJSON: parse, resolvesItems: resolves))
    }

    /// All records, with the items that are given for the keys.
    private func records(
        _ encoder: RecordBatchEncoder, _ items: [String: ItemOutcome]
    ) throws -> (records: [JSONValue], asked: [String]) {
        var encoder = encoder
        var records: [JSONValue] = []
        var asked: [String] = []
        while true {
            if let batch = try encoder.next() {
                let payload = ByteBuffer("{" + batch.payload.text)
                #expect(!payload.text.contains("\n"), "an event is one line")
                records += try JSONParser.parse(payload)["records"]?.array ?? []
                #expect(batch.isLast == (encoder.envelope != nil))
            } else if let pointer = encoder.neededItem {
                asked.append(pointer.key)
                encoder.give(items[pointer.key] ?? .unavailable(.item(.gone, detail: "gone")))
            } else {
                #expect(encoder.envelope != nil)
                return (records, asked)
            }
        }
    }

    @Test(arguments: [false, true])
    func `a record is given out with its item, in its place among the others`(inCBOR: Bool) throws {
        let data = [#"{"n":0}"#, Self.pointer("x", #","id":7"#), Self.pointer("y"), #"{"n":3}"#, Self.pointer("z")]
        let encoder = try encoder(data, inCBOR: inCBOR)
        let (records, asked) = try records(
            encoder,
            [
                "x": .content(ByteBuffer("{\n\"big\": 1}")), "y": .content(ByteBuffer("text")),
                "z": .content(ByteBuffer([0xff])),
            ])
        #expect(asked == ["x", "y", "z"])
        #expect(records.map { $0["sequenceNumber"]?.string } == ["0", "1", "2", "3", "4"])
        #expect(records[1]["data"]?["big"] == 1 && records[1]["id"] == 7)
        #expect(records[2]["data"] == "text" && records[3]["data"]?["n"] == 3)
        #expect(records[4]["data"] == "/w==" && records[4]["dataEncoding"] == "base64")
    }

    @Test(arguments: [false, true], [1, 200, Int.max])
    func `a search finds all items ahead, in the order in which they are needed`(inCBOR: Bool, _ slice: Int) throws {
        let keys = (0..<20).map(String.init)
        let filler = Array(repeating: #"{"n":"@S3Item"}"#, count: 5)
        let data = keys.flatMap { [Self.pointer($0)] + filler } + filler
        let encoder = try encoder(data, inCBOR: inCBOR)
        var search = try #require(encoder.itemSearch())
        var found: [String] = []
        var steps = 0
        loop: while true {
            steps += 1
            switch search.next(maxBytes: slice) {
            case .item(let pointer): found.append(pointer.key)
            case .nothingYet: continue
            case .end: break loop
            }
        }
        #expect(found == keys && (slice == .max) == (steps == keys.count + 1))
        let (_, asked) = try records(encoder, [:])
        #expect(asked == found, "the encoder is where it was")
        #expect(try self.encoder(data, resolves: false).itemSearch() == nil)
    }

    @Test func `a response that breaks off has the items up to there`() throws {
        let whole = AnswerText.answer([
            AnswerText.record(0, Self.pointer("x")), AnswerText.record(1, Self.pointer("y")),
        ])
        let encoder = RecordBatchEncoder(
            ByteBuffer(String(whole.dropLast(40))), stream: StreamName("orders")!, shard: ShardID(number: 0),
            encoding: RecordEncoding(resolvesItems: true))
        var search = try #require(encoder.itemSearch())
        guard case .item(let pointer) = search.next() else {
            Issue.record("there is one")
            return
        }
        #expect(pointer.key == "x")
        while case .item = search.next() {}
        #expect(search.next() == .end)
    }

    @Test func `an item that cannot be had leaves the pointer, and says why`() throws {
        let (records, _) = try records(encoder([Self.pointer("x", #","id":7"#)]), [:])
        #expect(records[0]["data"]?["@S3Item"]?["key"] == "x" && records[0]["data"]?["id"] == 7)
        #expect(records[0]["dataError"]?["code"] == "itemGone" && records[0]["dataError"]?["detail"] == "gone")
    }

    @Test func `what stands beside the pointer never takes the place of a record's own member`() throws {
        let beside = #","data":1,"sequenceNumber":"2","dataError":3,"a\u0062":[1, {"x": "\#u{2028}"}],"ab":2"#
        let (records, _) = try records(encoder([Self.pointer("x", beside)]), ["x": .content(ByteBuffer("{}"))])
        #expect(records[0]["data"] == .object([]) && records[0]["sequenceNumber"] == "0")
        #expect(records[0]["dataError"] == nil && records[0]["ab"]?[0] == 1)
    }

    @Test(arguments: [
        "{}", "", "[]", #"{"@S3Item":1}"#, #"{"@S3Item":{"bucket":"b"}}"#, #"{"@S3Item":{"bucket":"b","key":""}}"#,
        #"{"@S3Item":{"bucket":1,"key":"k"}}"#, #""@S3Item""#, #"{"a":{"@S3Item":{"bucket":"b","key":"k"}}}"#,
        #"{"@S3Item":{"bucket":"b","key":"k"}"#, #"["@S3Item",{"bucket":"b","key":"k"}]"#,
    ])
    func `what is no pointer is data as any other`(_ data: String) throws {
        let (records, asked) = try records(encoder([data]), [:])
        let (plain, _) = try self.records(encoder([data], resolves: false), [:])
        #expect(asked.isEmpty && records == plain && records.count == 1)
    }

    @Test func `without the option a pointer is data`() throws {
        let (records, asked) = try records(encoder([Self.pointer("x")], resolves: false), [:])
        #expect(asked.isEmpty && records[0]["data"]?["@S3Item"]?["bucket"] == "b-1")
    }

    @Test func `shouldParseJson holds for an item too`() throws {
        let (records, _) = try records(encoder([Self.pointer("x")], .never), ["x": .content(ByteBuffer("{}"))])
        #expect(records[0]["data"] == "{}")
    }

    @Test func `a message has the item as its data, and what the stream holds beside it`() throws {
        let data = Self.pointer("x", #","id":7"#)
        var fields = try message(encoder([data], format: .protobuf), .content(ByteBuffer([1, 0xff])))
        #expect(fields[5] == [1, 0xff] && fields[9] == Array(data.utf8) && fields[8] == nil)
        fields = try message(
            encoder([data], format: .protobuf), .unavailable(.item(.denied, detail: "d")))
        #expect(fields[5] == Array(data.utf8) && fields[9] == nil)
        #expect(fields[8] == Array("\n\nitemDenied\u{12}\u{1}d".utf8))
    }

    /// The fields of the one record that are bytes, by number.
    private func message(_ encoder: RecordBatchEncoder, _ outcome: ItemOutcome) throws -> [Int: [UInt8]] {
        var encoder = encoder
        let nothing = try encoder.next()
        #expect(nothing == nil && encoder.neededItem?.key == "x")
        encoder.give(outcome)
        let batch = try #require(try encoder.next())
        var reader = ProtobufReader(batch.payload)
        var found: [Int: [UInt8]] = [:]
        while let field = try reader.next() {
            guard field.number == 5 else { continue }
            var record = try field.message()
            while let part = try record.next() {
                if [5, 8, 9].contains(part.number) { found[part.number] = Array(part.buffer.array[try part.bytes()]) }
            }
        }
        return found
    }

    // MARK: Writing

    @Test(arguments: [
        (#"{"a":1,"b":{"c":[1, 2]},"d":"x"}"#, ["d", "b", "z"], #","b":{"c":[1, 2]},"d":"x""#), ("[1]", ["a"], ""),
        ("text", ["a"], ""), (#"{"a":1"#, ["a"], ""), (#"{"a":1,"a":2}"#, ["a"], #","a":1"#), (#"{"a":1}"#, [], ""),
    ])
    func `a pointer has the members that are wanted beside it, in the item's order`(
        _ item: String, _ names: [String], _ beside: String
    ) throws {
        let body = ByteBuffer(item)
        let pointer = ItemPointer(bucket: "b-1", key: "x \" y", eTag: "e")
        let data = pointer.data(keeping: names, of: body.bytes)
        #expect(data.text == Self.pointer(#"x \" y"#, beside))
        #expect(ItemPointer(data.bytes) == pointer, "it is read as it was written")
    }
}
