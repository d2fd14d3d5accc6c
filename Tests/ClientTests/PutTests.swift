import Bytes
import JSON
import Testing

@testable import Client

@Suite struct PutTests {
    private let origin = PutBatch.Origin(source: .file("f"), number: 3)

    private func body(_ bytes: [UInt8], key: String? = nil) -> String {
        var batch = PutBatch()
        let buffer = ByteBuffer(bytes)
        withExtendedLifetime(buffer) { batch.add(buffer.bytes, key: key, origin) }
        return batch.body.text
    }

    @Test func `a record's data is its bytes, JSON or not`() {
        #expect(body(Array("{\"a\": \"ä\"}".utf8)) == "{\"data\":\"{\\\"a\\\": \\\"ä\\\"}\"}\n")
        #expect(body(Array("x".utf8), key: "k\"") == "{\"data\":\"x\",\"partitionKey\":\"k\\\"\"}\n")
        #expect(body([0xff, 0]) == "{\"data\":\"/wA=\",\"dataEncoding\":\"base64\"}\n")
    }

    @Test func `a batch is full by its lines or its bytes`() {
        var lines = PutBatch()
        let line = ByteBuffer("x")
        withExtendedLifetime(line) { while !lines.isFull { lines.add(line.bytes, key: nil, origin) } }
        #expect(lines.origins.count == 2000 && lines.bytes == 2000)
        var large = PutBatch()
        let megabyte = ByteBuffer([UInt8](repeating: 97, count: 1 << 20))
        withExtendedLifetime(megabyte) { large.add(fields: megabyte.bytes, origin) }
        #expect(large.isFull && large.origins == [origin])
    }

    @Test func `the response says what failed and how far it got`() throws {
        let response = try #require(
            PutBatchResponse(
                """
                {"line":2,"errorCode":"missingField","errorMessage":"The field data is missing."}
                {"lines":3,"accepted":2,"failed":1,"encryptionType":"NONE"}

                """))
        #expect(response.accepted == 2 && response.lines == 3 && response.problem == nil)
        #expect(response.failures == [.init(index: 1, reason: "missingField: The field data is missing.")])
    }

    @Test func `a problem says that the rest was not put`() throws {
        let text = "{\"lines\":1,\"accepted\":1,\"failed\":0,\"problem\":{\"title\":\"Ending\",\"detail\":\"now\"}}"
        #expect(try #require(PutBatchResponse(text)).problem == "Ending: now")
    }

    @Test(arguments: ["", "{\"line\":1,\"errorCode\":\"x\"}\n", "{\"lines\":1,", "<html>"])
    func `a response without its last line is a cut one`(_ text: String) {
        #expect(PutBatchResponse(text) == nil)
    }

    @Test func `the bar says how much of the input is done, where that is known`() {
        var progress = PutProgress(total: 200)
        #expect(progress.line(after: .zero) == "[\(String(repeating: ".", count: 24))]   0%  0 records  0 B/s")
        progress.read(100)
        progress.put(1000, failed: 2, bytes: 5_000_000)
        #expect(
            progress.line(after: .seconds(2))
                == "[############............]  50%  1000 records  2.5 MB/s  2 failed")
        #expect(progress.summary == "1000 records put, 2 failed")
        #expect(PutProgress(total: nil).line(after: .seconds(1)) == "0 records  0 B/s")
        #expect(PutProgress(total: 0).line(after: .seconds(1)).contains("100%"))
    }

    @Test(arguments: [
        (["s", "a", "--file", "f"], "DATA does not go with --file"),
        (["s", "--raw", "--records"], "--records does not"),
        (["s", "--key", "k", "--records"], "--records does not go with --key"),
    ])
    func `what does not go together is refused`(_ words: [String], _ text: String) throws {
        let values = try CommandValues(words, of: ClientCommand.named("put")!)
        let error = #expect(throws: ClientError.self) { try PutOptions(values) }
        #expect(error?.description.hasPrefix(text) == true)
    }

    @Test func `without data and files it is standard input`() throws {
        let values = try CommandValues(["s"], of: ClientCommand.named("put")!)
        #expect(try PutOptions(values).source == .files(["-"]))
    }
}
