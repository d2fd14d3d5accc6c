import Bytes
import FuzzDriver
import Gateway
import HTTP
import JSON
import Kinesis
import Producer

// A body of lines. The first byte says where it is cut: the lines must be the same for the whole, for two parts and byte
// by byte; each is a record or a fault, in its place; and the answers are JSON, a line each.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzPutLines_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let whole = lines(bytes, [])
    precondition(lines(bytes, [min(Int(start[0]), bytes.count)]) == whole)
    precondition(lines(bytes, Array(0...bytes.count)) == whole)
    for stream in [StreamName("s"), nil] { put(whole, stream) }
    return 0
}

/// A line's number and its text; nil for one that is too long.
struct Line: Equatable {
    var number: Int
    var text: [UInt8]?
}

func lines(_ bytes: [UInt8], _ cuts: [Int]) -> [Line] {
    var splitter = LineSplitter(limit: 200)
    var lines: [Line] = []
    func take(_ line: LineSplitter.Line) {
        guard case .text(let range) = line else { return lines.append(Line(number: splitter.number, text: nil)) }
        lines.append(Line(number: splitter.number, text: Array(splitter.text(range))))
    }
    var start = 0
    for end in cuts + [bytes.count] {
        // A copy of exactly this length, so that the sanitizer sees a read beyond it.
        let part = ByteBuffer(bytes[start..<end])
        splitter.append(part)
        while let line = splitter.next() { take(line) }
        precondition(splitter.heldBytes <= 64 * 1024 + 4 * bytes.count)
        start = end
    }
    if let line = splitter.finish() { take(line) }
    return lines
}

func put(_ lines: [Line], _ stream: StreamName?) {
    var draft = PutLinesDraft(stream: stream, memory: 1 << 16, isOrdered: false)
    var answers = LineAnswers(showsAll: true)
    let text = ByteBuffer()
    for line in lines {
        guard let bytes = line.text else { continue }
        if !draft.hasRoom(for: bytes.count) { answer(draft.finish(), &answers, text) }
        let copy = ByteBuffer(bytes)
        withExtendedLifetime(copy) { draft.add(copy.bytes, line: line.number) }
    }
    answer(draft.finish(), &answers, text)
    let numbers = text.text.split(separator: "\n").map { line in
        guard let number = (try? JSONParser.parse(String(line)))?["line"]?.int else {
            preconditionFailure(String(line))
        }
        return number
    }
    precondition(numbers == lines.filter { $0.text != nil }.map(\.number))
}

func answer(_ lines: PutLines, _ answers: inout LineAnswers, _ text: ByteBuffer) {
    for group in lines.groups {
        precondition(group.put.isGroup && group.put.records.count == group.lines.count)
        for record in group.put.records {
            let length = record.entry.partitionKey.unicodeScalars.count
            precondition((1...PutRecordEntry.maximumPartitionKeyLength).contains(length))
        }
    }
    answers.add(lines, lines.groups.map { _ in .failure(.streamMissing) }, to: text)
}
