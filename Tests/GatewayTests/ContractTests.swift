import Bytes
@testable import Gateway
import Glibc
import HTTP
import HTTPServer
import JSON
import Testing
import YAML

/// openapi.yaml and the program say the same.
@Suite struct ContractTests {
    @Test func `the program holds the contract as it stands in the repository`() throws {
        #expect(Contract.yaml.text == (try contract()))
    }

    @Test func `the contract as JSON is the same document`() throws {
        let json = try JSONParser.parse(Contract.json)
        #expect(json["openapi"] == "3.1.0")
        let yaml = try #require(try YAMLReader.read(Array(contract().utf8), depthLimit: 64, references: .expanded))
        guard case .mapping(let members, _) = yaml else { return #expect(Bool(false), "no mapping") }
        #expect(json.object?.map(\.key) == members.map(\.key))
        let paths = try contract().split(separator: "\n").filter { $0.hasPrefix("  /") }.map {
            $0.dropFirst(2).dropLast()
        }
        #expect(json["paths"]?.object?.map { Substring($0.key) } == paths)
        // What an anchor stands for, and what a merge key takes over.
        #expect(json["components"]?["responses"]?["NotPermitted"]?["content"]?["application/problem+json"] != nil)
        #expect(!Contract.json.text.contains("\"<<\""))
    }

    @Test(arguments: [
        ("~", "null"), ("null", "null"), ("", "null"), ("true", "true"), ("'true'", #""true""#), ("yes", #""yes""#),
        ("0", "0"), ("-1.5e3", "-1.5e3"), ("1.", #""1.""#), ("007", #""007""#), ("+1", #""+1""#), ("1e", #""1e""#),
        ("-x", #""-x""#), (".5", #"".5""#), ("0x1F", #""0x1F""#), ("3.1.0", #""3.1.0""#),
        ("9007199254740993", "9007199254740993"),
    ])
    func `a scalar is what JSON and YAML agree on, else text`(_ yaml: String, _ json: String) throws {
        let node = try #require(try YAMLReader.read(Array("a: \(yaml)\n".utf8)))
        var writer = JSONWriter()
        node.write(&writer)
        #expect(writer.buffer.text == "{\"a\":\(json)}")
    }

    @Test func `the contract lists every problem code, and no other`() throws {
        var listed: [String] = []
        let lines = try contract().split(separator: "\n").drop { $0 != "    ProblemCode:" }
        for line in lines.dropFirst(3) where line.hasPrefix("        - ") {
            listed.append(String(line.dropFirst("        - ".count)))
        }
        #expect(listed.sorted() == ProblemCode.allCases.map(\.rawValue).sorted())
        #expect(Set(listed).count == listed.count)
    }

    @Test func `every problem code stands under its status, and every status has its codes`() throws {
        var seen: Set<String> = []
        for (status, code) in try codes() {
            let problem = try #require(ProblemCode(rawValue: code), "\(code) is no problem of the program")
            seen.insert(code)
            #expect(status.contains(problem.status.rawValue), "\(code) stands under \(status)")
        }
        // Those that are told in a stream have no status of an answer's.
        seen.formUnion(try Self.list(after: "x-event-codes: [", in: contract()))
        seen.formUnion(try Self.list(after: "x-grpc-codes: [", in: contract()))
        let missing = Set(ProblemCode.allCases.map(\.rawValue)).subtracting(seen)
        #expect(missing.isEmpty, "under no response: \(missing.sorted())")
    }

    @Test(arguments: HTTPParseError.some)
    func `what the server refuses has a code of ours with the same status`(error: HTTPParseError) {
        let refused = RefusedRequest.malformed(error)
        #expect(ProblemCode(rawValue: refused.code)?.status == refused.status)
        #expect(Problem.refused(refused).document.code.rawValue == refused.code)
    }

    @Test func `a request that comes too slowly or too late has a code of ours too`() {
        for refused in [RefusedRequest.headTimedOut, .tooManyConnections(limit: 1)] {
            #expect(ProblemCode(rawValue: refused.code)?.status == refused.status)
        }
    }

    @Test func `the contract lists the options that a query may name`() throws {
        let text = try contract()
        let options = RecordsRequest.queryOptions + Set(PutBodyKind.allCases.flatMap(\.options) + ["raw"])
        for option in options { #expect(text.contains("name: \(option)\n          in: query")) }
        #expect(text.split(separator: "in: query").count - 1 == options.count)
    }

    /// Each code of an `x-codes` line with the statuses of the responses that it belongs to: the status above it, or
    /// those of the references to its component.
    private func codes() throws -> [(status: Set<Int>, code: String)] {
        let lines = try contract().split(separator: "\n")
        var references: [Substring: Set<Int>] = [:]
        for line in lines {
            guard let range = line.firstRange(of: "#/components/responses/"), let status = Self.status(line) else {
                continue
            }
            references[line[range.upperBound...].prefix { $0 != "\"" }, default: []].insert(status)
        }
        var codes: [(Set<Int>, String)] = []
        var current: Set<Int> = []
        for line in lines {
            if let status = Self.status(line) {
                current = [status]
            } else if line.hasPrefix("    "), !line.hasPrefix("     "), line.hasSuffix(":") {
                current = references[line.dropFirst(4).dropLast()] ?? []
            }
            for code in Self.list(after: " x-codes: [", in: String(line)) { codes.append((current, code)) }
        }
        return codes
    }

    /// The words of the first such list of the text.
    private static func list(after start: String, in text: String) -> [String] {
        guard let list = text.firstRange(of: start) else { return [] }
        return text[list.upperBound...].prefix { $0 != "]" }.split(separator: ", ").map(String.init)
    }

    /// The status that a line like `"404": …` begins.
    private static func status(_ line: Substring) -> Int? {
        let text = line.drop { $0 == " " }
        guard text.first == "\"", let end = text.dropFirst().firstIndex(of: "\""), text[end...].hasPrefix("\":") else {
            return nil
        }
        return Int(text.dropFirst()[..<end])
    }

    private func contract() throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let file = try #require(fopen("/" + root + "/openapi.yaml", "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension HTTPParseError {
    /// One error of each kind that has a code or a status of its own.
    fileprivate static let some: [HTTPParseError] = [
        .headerTooLarge(limit: 1), .tooManyFields(limit: 1), .requestLineTooLong(limit: 1), .malformedRequestLine,
        .invalidTarget, .unsupportedVersion, .unsupportedMethod, .bareLineFeed, .missingHost, .unknownExpectation,
        .invalidContentLength, .unsupportedTransferCoding, .chunkedNotLast, .invalidChunkSize, .invalidTrailer,
        .trailerTooLarge(limit: 1),
    ]
}
