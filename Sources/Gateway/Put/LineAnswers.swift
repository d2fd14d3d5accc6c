import Bytes
import JSON
import Kinesis
import Producer

/// The answers to the lines of a body, as NDJSON: the failures, or every line's result, then the counts. Performs no I/O.
///
/// Lines come in their order, so the answers stand in it too.
package struct LineAnswers {
    /// UTF-8 bytes of an errorMessage; the rest is cut off. A detail can quote what a line brought.
    private static let maximumMessage = 1024

    private let showsAll: Bool
    package private(set) var accepted = 0
    package private(set) var failed = 0
    /// What every answered group said; nil before the first one, and when they differ.
    private var encryption: Encryption = .unknown

    private enum Encryption {
        case unknown, mixed
        case same(String)
    }

    package init(showsAll: Bool) {
        self.showsAll = showsAll
    }

    /// Appends the answers to the next lines.
    ///
    /// - Parameter answers: one for each group, in their order.
    package mutating func add(
        _ lines: PutLines, _ answers: [Result<PutAnswer, PutError>], to buffer: ByteBuffer
    ) {
        precondition(answers.count == lines.groups.count)
        var shown: [(line: Int, result: PutResult)] = []
        for (group, answer) in zip(lines.groups, answers) { add(group, answer, &shown) }
        for fault in lines.faults {
            shown.append((fault.line, .failed(code: fault.code.rawValue, message: fault.detail)))
        }
        failed += lines.faults.count
        // One group alone is in order already.
        if lines.groups.count + (lines.faults.isEmpty ? 0 : 1) > 1 { shown.sort { $0.line < $1.line } }
        for (line, result) in shown { Self.append(result, of: line, to: buffer) }
    }

    /// Appends the last line. `lines` is the number of the last line that was looked at; `problem` says why nothing behind
    /// it was.
    package func appendEnd(lines: Int, problem: ProblemDocument?, to buffer: ByteBuffer) {
        var json = JSONWriter(buffer)
        json.beginObject()
        json.member("lines", lines)
        json.member("accepted", accepted)
        json.member("failed", failed)
        if case .same(let type) = encryption { json.member("encryptionType", type) }
        if let problem {
            json.key("problem")
            problem.write(&json)
        }
        json.endObject()
        buffer.append("\n")
    }

    // MARK: Counting

    private mutating func add(
        _ group: PutLines.Group, _ answer: Result<PutAnswer, PutError>, _ shown: inout [(line: Int, result: PutResult)]
    ) {
        switch answer {
        case .success(let answer):
            note(answer.encryptionType)
            for (line, result) in zip(group.lines, answer.results) { add(line, result, &shown) }
        case .failure(let error):
            let (code, message) = error.asEntry
            for line in group.lines { add(line, .failed(code: code, message: message), &shown) }
        }
    }

    private mutating func add(_ line: Int, _ result: PutResult, _ shown: inout [(line: Int, result: PutResult)]) {
        if case .accepted = result { accepted += 1 } else { failed += 1 }
        if case .accepted = result, !showsAll { return }
        shown.append((line, result))
    }

    private mutating func note(_ type: String?) {
        guard let type else { return }
        switch encryption {
        case .unknown: encryption = .same(type)
        case .same(let other): if other != type { encryption = .mixed }
        case .mixed: break
        }
    }

    // MARK: Text

    private static func append(_ result: PutResult, of line: Int, to buffer: ByteBuffer) {
        var json = JSONWriter(buffer)
        json.beginObject()
        json.member("line", line)
        json.outcome(result, longest: maximumMessage)
        json.endObject()
        buffer.append("\n")
    }
}
