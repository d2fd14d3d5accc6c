import Consumer
import MultiLang
import TestSupport
import Testing

@Suite struct PropertyRowTests {
    @Test func `each key has one row, and each option of a row is one`() {
        let keys = PropertyRow.all.flatMap(\.keys)
        #expect(Set(keys.map { $0.lowercased() }).count == keys.count)
        for row in PropertyRow.all {
            guard case .options(let places, _) = row.meaning else { continue }
            for place in places {
                if case .process = place { continue }
                #expect(place.kind != nil, "\(place)")
            }
        }
    }

    @Test func `keys are matched as KCL matches them`() {
        #expect(PropertyRow.of("awscredentialsprovider") != nil)
        #expect(PropertyRow.of("AWSCredentialsProviderDynamoDB") != nil)
        #expect(PropertyRow.of("maxrecords") == nil)
        #expect(PropertyRow.of("kinesisClient.httpClientBuilder.maxConcurrency") != nil)
        #expect(PropertyRow.of("kinesisClient") == nil)
    }

    /// docs/multilang.md is for people who look for a key of their file: none may be missing, and none stay that is gone.
    @Test func `the table of the documentation has each key, and what it becomes`() throws {
        let page = String(decoding: try testFile("../docs/multilang.md").array, as: UTF8.self)
        let section = try #require(page.split(separator: "## The properties file").dropFirst().first)
        let lines = section.split(separator: "\n").prefix { !$0.hasPrefix("##") }
        let rows = lines.filter { $0.hasPrefix("| `") }.map { $0.split(separator: "|").map(String.init) }
        try #require(rows.map { Self.quoted($0[0]) } == PropertyRow.all.map(\.keys))
        for (row, cells) in zip(PropertyRow.all, rows) {
            let cell = cells[1]
            switch row.meaning {
            case .nothing: #expect(cell.contains("no effect"), "\(cells)")
            case .refused: #expect(cell.contains("refused"), "\(cells)")
            case .command: #expect(Self.quoted(cell) == ["command"])
            case .stream: #expect(Self.quoted(cell) == ["streamName"])
            case .credentials(let mapping):
                #expect(Self.quoted(cell).allSatisfy { $0.hasPrefix(mapping + ".") }, "\(cells)")
            case .options(let places, _): #expect(Self.quoted(cell) == places.map(\.name), "\(cells)")
            }
        }
    }

    /// What stands in backquotes.
    private static func quoted(_ cell: String) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element) }
    }
}
