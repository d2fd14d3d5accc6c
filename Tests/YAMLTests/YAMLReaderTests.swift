import Testing
import YAML

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

    @Test func `aliases and merge keys are expanded where that is asked for`() throws {
        let text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, '<<']\n"
        let node = try YAMLReader.read(Array(text.utf8), references: .expanded)
        guard case .mapping(let members, _)? = node, case .mapping(let merged, _) = members[1].value,
            case .sequence(let elements, _) = members[2].value
        else {
            Issue.record("\(String(describing: node))")
            return
        }
        #expect(merged.map(\.key) == ["y", "x"])
        #expect(merged[0].value == .scalar("3", isPlain: true, line: 2))
        #expect(elements[0] == members[0].value)
    }

    @Test(arguments: [("a: *b\n", "*b stands"), ("a: &a [*a]\n", "*a stands"), ("a: &a 1\nb: {<<: *a}\n", "<< takes")])
    func `an alias of what has not ended, or a merge of no mapping, is refused`(_ text: String, _ problem: String) {
        let error = #expect(throws: YAMLError.self) { try YAMLReader.read(Array(text.utf8), references: .expanded) }
        #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
    }

    @Test func `a document cut anywhere is read or refused, never a crash`() {
        let text = Array("a: {b: [1, 'x', \"y\"], c: |\n  long\n}\nconsumers:\n  - streamName: s\n".utf8)
        for end in 0...text.count { _ = try? YAMLReader.read(Array(text[..<end])) }
    }
}
