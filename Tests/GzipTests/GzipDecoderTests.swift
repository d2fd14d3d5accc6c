import Bytes
import Glibc
import Gzip
import JSON
import Testing

/// Tests/Vectors/gzip.json, and what bounds the decoder.
@Suite struct GzipDecoderTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let encoded: [UInt8]
        /// Nil where decoding fails.
        let decoded: [UInt8]?
        let fault: String?
        var testDescription: String { name }
    }

    @Test func `the vectors are there`() {
        #expect(Self.vectors("good").count == 12)
        #expect(Self.vectors("bad").count == 16)
    }

    @Test(arguments: vectors("good"))
    func `what other implementations encoded comes out, wherever it is cut`(vector: Vector) throws {
        let decoded = try #require(vector.decoded)
        for partBytes in [vector.encoded.count, 1, 7] {
            for room in [64 * 1024, 1, 100] {
                let outcome = decode(vector.encoded, partBytes: partBytes, room: room)
                #expect(outcome.error == nil)
                #expect(outcome.decoded == decoded)
            }
        }
    }

    @Test(arguments: vectors("bad"))
    func `what ends early or is not gzip is refused, wherever it is cut`(vector: Vector) {
        let whole = decode(vector.encoded, partBytes: max(vector.encoded.count, 1), room: 64 * 1024)
        switch whole.error {
        case .truncated: #expect(vector.fault == "truncated")
        case .corrupt(let phrase):
            #expect(vector.fault == "corrupt")
            #expect(!phrase.isEmpty)
        case nil: Issue.record("it was decoded")
        }
        for partBytes in [1, 7] {
            #expect(decode(vector.encoded, partBytes: partBytes, room: 10) == whole)
        }
    }

    @Test func `no more comes out than was asked for, and memory stays with it`() throws {
        // A member that inflates to 1,000 times its bytes: 16 MiB of zeros in 16 KiB.
        let bomb = try #require(Self.vectors("bomb").first).encoded
        let decoder = GzipDecoder()
        decoder.append(ByteBuffer(bomb))
        let output = ByteBuffer()
        #expect(try decoder.next(into: output, atMost: 1000))
        #expect(output.count == 1000)
        #expect(output.capacity < 4096)
        output.removeAll()
        var total = 1000
        while try decoder.next(into: output, atMost: 65_536) {
            #expect(output.count <= 65_536)
            total += output.count
            output.removeAll()
        }
        try decoder.finish()
        #expect(total == 16 << 20)
        #expect(output.capacity <= 128 * 1024)
    }

    struct Outcome: Equatable {
        var decoded: [UInt8] = []
        var error: GzipError?
    }

    private func decode(_ encoded: [UInt8], partBytes: Int, room: Int) -> Outcome {
        let decoder = GzipDecoder()
        var outcome = Outcome()
        do throws(GzipError) {
            for start in stride(from: 0, to: encoded.count, by: partBytes) {
                decoder.append(ByteBuffer(encoded[start..<min(start + partBytes, encoded.count)]))
                let output = ByteBuffer()
                while try decoder.next(into: output, atMost: room) {
                    outcome.decoded += output.array
                    output.removeAll()
                }
            }
            try decoder.finish()
        } catch {
            outcome.error = error
        }
        return outcome
    }

    private static func vectors(_ kind: String) -> [Vector] {
        guard let list = try? JSONParser.parse(file)[kind]?.array else { return [] }
        return list.compactMap { vector in
            guard let name = vector["name"]?.string, let encoded = vector["encoded"]?.string.flatMap(Base64.decode)
            else {
                return nil
            }
            return Vector(
                name: name, encoded: encoded, decoded: vector["decoded"]?.string.flatMap(Base64.decode),
                fault: vector["fault"]?.string)
        }
    }

    private static let file: String = {
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        guard let file = fopen("/\(tests)/Vectors/gzip.json", "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }()
}
