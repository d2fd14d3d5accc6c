import Bytes
@testable import Gateway
import JSON
import Kinesis
import Producer
import Testing

@Suite struct PutBodyTests {
    @Test(arguments: [
        (#"{"data":"text"}"#, "text"),
        (#"{"data":""}"#, ""),
        (#"{"data":"a\"b\\c\u00e4\n"}"#, "a\"b\\c\u{e4}\n"),
        (#"{"data":{"a":1}}"#, #"{"a":1}"#),
        (#" { "data" : { "a" : [ 1 , 2.0 , "x y" ] , "b" : null } } "#, #"{"a":[1,2.0,"x y"],"b":null}"#),
        ("{\"data\":[\n\t1,\r\n 2 ]}", "[1,2]"),
        (#"{"data":{"q\" {":"\\"}}"#, #"{"q\" {":"\\"}"#),
        (#"{"data":1e3}"#, "1e3"), (#"{"data":null}"#, "null"), (#"{"data":false}"#, "false"),
        (#"{"d\u0061ta":1}"#, "1"),
        (#"{"data":"AAEC/w==","dataEncoding":"base64"}"#, "\u{0}\u{1}\u{2}\u{fffd}"),
        (#"{"data":"\/\/8=","dataEncoding":"base64"}"#, "\u{fffd}\u{fffd}"),
    ])
    func `data is a string's text, another value's JSON text, or the decoded bytes`(
        body: String, data: String
    ) throws {
        let put = try parse(body)
        #expect(!put.isMany)
        #expect(String(decoding: put.put.records[0].entry.data, as: UTF8.self) == data)
    }

    @Test func `base64 data comes out as the bytes that it stands for`() throws {
        let put = try parse(#"{"data":"AAEC/w==","dataEncoding":"base64"}"#)
        #expect(Array(put.put.records[0].entry.data) == [0, 1, 2, 255])
    }

    @Test func `without a partition key it is the base64 of the data's SHA-1`() throws {
        // printf '{"hello":"world"}' | openssl sha1 -binary | base64
        let put = try parse(#"{"data":{ "hello": "world" }}"#)
        #expect(put.put.records[0].entry.partitionKey == "IkjuL6CqqtmReFMfkkvwC0sKj04=")
    }

    @Test func `keys and the ordering number are passed on`() throws {
        let hashKey = "340282366920938463463374607431768211455"
        let put = try parse(
            #"{"partitionKey":"k\u00e4","data":1,"explicitHashKey":""# + hashKey
                + #"","sequenceNumberForOrdering":"49590338271490256608559692538361571095921575989136588898"}"#)
        let record = put.put.records[0]
        #expect(record.entry.partitionKey == "k\u{e4}")
        #expect(record.entry.explicitHashKey == HashKey.highest)
        #expect(record.sequenceNumberForOrdering?.text.count == 56)
        #expect(record.size == 1 + 3)
    }

    @Test func `many records keep their order`() throws {
        let put = try parse(#"{"records":[{"data":"a"},{"data":"b","partitionKey":"k"},{"data":{"c":1}}]}"#)
        #expect(put.isMany)
        #expect(put.put.records.map { String(decoding: $0.entry.data, as: UTF8.self) } == ["a", "b", #"{"c":1}"#])
        #expect(put.put.records[1].entry.partitionKey == "k")
    }

    @Test func `the body names the stream where the path does not`() throws {
        #expect(try parse(#"{"streamName":"orders","data":1}"#, namesStream: true).stream?.text == "orders")
        #expect(problem(#"{"data":1}"#, namesStream: true) == "missingField streamName")
        #expect(problem(#"{"data":1,"streamName":"a b"}"#, namesStream: true) == "badField streamName")
        #expect(problem(#"{"data":1,"streamName":7}"#, namesStream: true) == "badField streamName")
        #expect(problem(#"{"data":1,"streamName":"orders"}"#) == "unknownField streamName")
    }

    @Test(arguments: [
        ("", "malformedJSON"), ("{", "malformedJSON"), (#"{"data":1"#, "malformedJSON"),
        (#"{"data":1} x"#, "malformedJSON"), (#"{"data":01}"#, "malformedJSON"), ("{'data':1}", "malformedJSON"),
        (#"{"data":"\ud800"}"#, "badField data"), ("[1]", "malformedJSON"), ("hello", "malformedJSON"),
        ("{}", "missingField data"), (#"{"partitionKey":"k"}"#, "missingField data"),
        (#"{"data":1,"Data":1}"#, "unknownField Data"), (#"{"data":1,"data":2}"#, "repeatedField data"),
        (#"{"data":1,"partitionKey":7}"#, "badField partitionKey"),
        (#"{"data":1,"partitionKey":null}"#, "badField partitionKey"),
        (#"{"data":1,"partitionKey":""}"#, "badField partitionKey"),
        (#"{"data":1,"explicitHashKey":5}"#, "badField explicitHashKey"),
        (#"{"data":1,"explicitHashKey":"05"}"#, "badField explicitHashKey"),
        (#"{"data":1,"explicitHashKey":"340282366920938463463374607431768211456"}"#, "badField explicitHashKey"),
        (#"{"data":1,"sequenceNumberForOrdering":"x"}"#, "badField sequenceNumberForOrdering"),
        (#"{"data":1,"dataEncoding":"hex"}"#, "badField dataEncoding"),
        (#"{"data":1,"dataEncoding":true}"#, "badField dataEncoding"),
        (#"{"data":1,"dataEncoding":"base64"}"#, "badField data"),
        (#"{"data":"AAE","dataEncoding":"base64"}"#, "badField data"),
        (#"{"data":"AA-_","dataEncoding":"base64"}"#, "badField data"),
        (#"{"records":[]}"#, "noRecords records"), (#"{"records":{}}"#, "badField records"),
        (#"{"records":[{"data":1}],"data":1}"#, "conflictingFields data"),
        (#"{"partitionKey":"k","records":[{"data":1}]}"#, "conflictingFields partitionKey"),
        (#"{"records":[{"data":1},7]}"#, "badField - 1"),
        (#"{"records":[{"data":1},{"data":2},{}]}"#, "missingField data 2"),
        (#"{"records":[{"data":1,"x":2}]}"#, "unknownField x 0"),
        (
            #"{"records":[{"data":1},{"data":1,"sequenceNumberForOrdering":"1"}]}"#,
            "unknownField sequenceNumberForOrdering 1"
        ),
        (#"{"records":[{"data":1},{"data":1,"partitionKey":""}]}"#, "badField partitionKey 1"),
    ])
    func `a bad body names the field and, among many, the record`(body: String, expected: String) {
        #expect(problem(body) == expected)
    }

    @Test func `a partition key has at most 256 characters, counted as Unicode scalars`() throws {
        let key = String(repeating: "\u{1F600}", count: 256)
        #expect(try parse(#"{"data":1,"partitionKey":""# + key + #""}"#).put.records[0].size == 1 + 1024)
        #expect(problem(#"{"data":1,"partitionKey":"x"# + key + #""}"#) == "badField partitionKey")
    }

    @Test func `malformed JSON is told with its place`() throws {
        let error = #expect(throws: PutBodyError.self) { try parse(#"{"data": nul}"#) }
        let document = error.map { Problem.putBody($0, namesStream: false).document }
        #expect(document?.members.first { $0.key == "offset" }?.value.int == 12)
    }

    @Test func `many small records are bounded by the memory that they take`() {
        let body = #"{"records":["# + Array(repeating: #"{"data":1}"#, count: 100).joined(separator: ",") + "]}"
        #expect(problem(body, memory: 20_000) == "putTooLarge")
        #expect(problem(body, memory: 100_000) == nil)
    }

    private func parse(_ body: String, namesStream: Bool = false, memory: Int = 1 << 20) throws(PutBodyError) -> PutBody
    {
        try PutBody.parse(ByteBuffer(body), namesStream: namesStream, memory: memory)
    }

    /// Code, field and index of the problem; `-` for a field that is not there.
    private func problem(_ body: String, namesStream: Bool = false, memory: Int = 1 << 20) -> String? {
        do {
            _ = try parse(body, namesStream: namesStream, memory: memory)
            return nil
        } catch {
            let document = Problem.putBody(error, namesStream: namesStream).document
            func member(_ name: String) -> JSONValue? { document.members.first { $0.key == name }?.value }
            let index = member("index")?.int.map { " \($0)" } ?? ""
            let field = member("field")?.string ?? (index.isEmpty ? "" : "-")
            return document.code.rawValue + (field.isEmpty ? "" : " " + field) + index
        }
    }
}
