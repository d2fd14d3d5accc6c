import Bytes
import Kinesis
import Producer

/// Lines of a body that are put together: the records of each stream as one group, and the lines that are no records.
///
/// Each line is a request of its own. Filled by `PutLinesDraft`.
package struct PutLines: Sendable {
    package struct Group: Sendable {
        package let stream: StreamName
        package let put: EncodedPut
        /// The numbers of its records' lines, growing.
        package let lines: [Int]
    }

    package struct Fault: Equatable, Sendable {
        package let line: Int
        package let code: ProblemCode
        package let detail: String
    }

    package let groups: [Group]
    /// In the order of their lines.
    package let faults: [Fault]
}

/// Gathers lines into groups. Performs no I/O.
///
/// Holds so little that reading it takes the loop about 1 ms. A line that is larger than all of that comes alone, and is
/// for another thread to read; so is every record of over 1 MiB alone in its group, and none fails with it.
package struct PutLinesDraft: Sendable {
    /// Lines taken together: the records of one PutRecords.
    package static let maximumLines = PutRecordEntry.maximumRecords
    /// Bytes of text taken together.
    package static let maximumBytes = 256 * 1024
    /// Bytes that a record may hold beyond its text: a key that is the data's digest, and what every record costs.
    private static let beyondText = 512

    private struct OpenGroup: Sendable {
        let stream: StreamName
        var encoder: PutEncoder
        var lines: [Int] = []
    }

    private let stream: StreamName?
    private let memory: Int
    private let isOrdered: Bool
    private let principal: Principal
    private let encoding: @Sendable (StreamName) -> PutEncoding
    private var groups: [OpenGroup] = []
    /// The group that each stream has, where lines name their streams.
    private var places: [StreamName: Int] = [:]
    private var faults: [PutLines.Fault] = []
    private var lines = 0
    private var bytes = 0

    /// - Parameters:
    ///   - stream: the stream of every line; nil where each line names its own.
    ///   - memory: bytes that one record may hold; see `EncodedPut.heldBytes`.
    ///   - isOrdered: whether the records of a partition key keep their order through retries.
    ///   - principal: who puts; a line that names a stream which it may not put to is a fault. That it may put to `stream` is
    ///     known.
    ///   - encoding: of a stream's records.
    package init(
        stream: StreamName?, memory: Int, isOrdered: Bool, principal: Principal = .anybody,
        encoding: @escaping @Sendable (StreamName) -> PutEncoding = { _ in PutEncoding() }
    ) {
        self.stream = stream
        self.memory = memory
        self.isOrdered = isOrdered
        self.principal = principal
        self.encoding = encoding
    }

    package var isEmpty: Bool { lines == 0 }

    /// Whether a line of so many bytes may come beside what is there.
    package func hasRoom(for size: Int) -> Bool {
        isEmpty || lines < Self.maximumLines && bytes + size <= Self.maximumBytes
    }

    /// Takes a line; one that is no record is a fault in its place.
    package mutating func add(_ text: UnsafeRawBufferPointer, line: Int) {
        lines += 1
        bytes += text.count
        do throws(PutBodyError) {
            let members = try unsafe PutBodyMembers(text, namesStream: stream == nil, hasRecords: false)
            let stream = if let stream { stream } else { try members.stream() }
            if self.stream == nil, let denial = principal.missing(for: .put, on: .stream(stream)) {
                return fail(denial.document, line)
            }
            try add(members.fields, to: place(of: stream), line, size: text.count)
        } catch {
            fail(error.documentOfLine, line)
        }
    }

    /// Takes a record that came as values; `stream` is its own.
    mutating func add(_ values: PutRecordValues, in buffer: ByteBuffer, to stream: StreamName, line: Int) {
        lines += 1
        bytes += values.data.count
        do throws(PutBodyError) {
            if values.data.count + Self.beyondText > memory { throw PutBodyError(.overMemory(limit: memory)) }
            let place = place(of: stream)
            do throws(PutFieldError) { try groups[place].encoder.add(values, in: buffer) } catch {
                throw PutBodyError(.badField(error))
            }
            groups[place].lines.append(line)
        } catch {
            let document = error.documentOfLine
            faults.append(PutLines.Fault(line: line, code: document.code, detail: document.detail))
        }
    }

    /// Takes the place of a line that cannot be read.
    package mutating func add(_ problem: Problem, line: Int) {
        lines += 1
        fail(problem.document, line)
    }

    private mutating func fail(_ document: ProblemDocument, _ line: Int) {
        faults.append(PutLines.Fault(line: line, code: document.code, detail: document.detail))
    }

    /// What was taken; the draft is empty again.
    package mutating func finish() -> PutLines {
        let made = groups.compactMap { group -> PutLines.Group? in
            guard !group.lines.isEmpty else { return nil }
            let put = group.encoder.finish(isOrdered: isOrdered, isGroup: true)
            return PutLines.Group(stream: group.stream, put: put, lines: group.lines)
        }
        let result = PutLines(groups: made, faults: faults)
        self = PutLinesDraft(
            stream: stream, memory: memory, isOrdered: isOrdered, principal: principal, encoding: encoding)
        return result
    }

    /// The index of the stream's group.
    private mutating func place(of stream: StreamName) -> Int {
        if self.stream != nil, !groups.isEmpty { return 0 }
        if let place = places[stream] { return place }
        // Where there can be as many groups as lines, each begins small.
        let capacity = self.stream == nil ? 0 : 16 * 1024
        groups.append(OpenGroup(stream: stream, encoder: encoder(of: stream, capacity)))
        if self.stream == nil { places[stream] = groups.count - 1 }
        return groups.count - 1
    }

    private func encoder(of stream: StreamName, _ capacity: Int) -> PutEncoder {
        PutEncoder(capacity: capacity, encoding(stream))
    }

    private mutating func add(
        _ fields: PutRecordFields, to place: Int, _ line: Int, size: Int
    ) throws(PutBodyError) {
        if size + Self.beyondText > memory { try checkMemory(of: fields, to: groups[place].stream, size: size) }
        do {
            try groups[place].encoder.add(fields)
        } catch {
            throw PutBodyError(.badField(error))
        }
        groups[place].lines.append(line)
    }

    /// Refuses a record that would hold more than it may. Encodes it apart to know, which only large lines need.
    private func checkMemory(
        of fields: PutRecordFields, to stream: StreamName, size: Int
    ) throws(PutBodyError) {
        var encoder = encoder(of: stream, size)
        do {
            try encoder.add(fields)
        } catch {
            throw PutBodyError(.badField(error))
        }
        if encoder.heldBytes > memory { throw PutBodyError(.overMemory(limit: memory)) }
    }
}
