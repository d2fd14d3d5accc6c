import Testing

@testable import kinesis_sidecar

@Suite struct YAMLReaderTests {
    private func read(_ text: String) throws(YAMLError) -> YAMLNode? {
        try YAMLReader.read(Array(text.utf8))
    }

    @Test func `scalars, lists and mappings keep their lines`() throws {
        let node = try read("a: 1\nb:\n  - x\n  - 'y'\n")
        #expect(
            node
                == .mapping(
                    [
                        .init(key: "a", line: 1, value: .scalar("1", isPlain: true, line: 1)),
                        .init(
                            key: "b", line: 2,
                            value: .sequence(
                                [.scalar("x", isPlain: true, line: 3), .scalar("y", isPlain: false, line: 4)], line: 3)),
                    ], line: 1))
    }

    @Test(arguments: ["", "# nothing but this\n", "---\n", "~\n"])
    func `an empty document is no configuration and no mistake`(_ text: String) throws {
        #expect(try read(text) == nil)
    }

    @Test(arguments: [
        ("a: &x 1\nb: *x\n", 2, "aliases"),
        ("a: 1\na: 2\n", 2, "twice"),
        ("a: !!binary aGk=\n", 1, "tags"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("? [a]\n: 1\n", 1, "key"),
        ("a: [1\nb: 2\n", 2, ""),
        ("a:\n\t- 1\n", 2, ""),
        (String(repeating: "[", count: 200), 1, "deeper"),
        ("a: \"\u{1}\"\n", 1, ""),
    ])
    func `what is refused names its line`(_ text: String, _ line: Int, _ problem: String) {
        let error = #expect(throws: YAMLError.self) { try self.read(text) }
        #expect(error?.line == line)
        #expect(error?.problem.contains(problem) == true || problem.isEmpty)
    }

    @Test func `a document cut anywhere is read or refused, never a crash`() {
        let text = Array("a: {b: [1, 'x', \"y\"], c: |\n  long\n}\nconsumers:\n  - streamName: s\n".utf8)
        for end in 0...text.count { _ = try? YAMLReader.read(Array(text[..<end])) }
    }
}
