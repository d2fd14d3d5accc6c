import Bytes
import JSON
import Logging
import Time

/// Logs to standard error, by way of a `LogWriter`: text for people on a terminal, one JSON object a line elsewhere.
struct StandardErrorLog: LogHandler {
    var logLevel: Logger.Level
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?
    let label: String
    let isTerminal: Bool
    /// Takes a line with its end.
    let write: @Sendable (ByteBuffer) -> Void

    init(label: String, level: Logger.Level, isTerminal: Bool, write: @escaping @Sendable (ByteBuffer) -> Void) {
        self.label = label
        self.isTerminal = isTerminal
        self.write = write
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        write(line(event, now: .now()))
    }

    /// The line that stands in the place of lines that were lost.
    static func note(ofLost lines: Int, isTerminal: Bool, now: WallTime) -> ByteBuffer {
        let event = LogEvent(
            level: .warning, message: "lines were lost: nobody took those before them",
            metadata: ["lines": .stringConvertible(lines)], source: nil, file: #fileID, function: #function, line: #line
        )
        let log = StandardErrorLog(label: "log", level: .warning, isTerminal: isTerminal) { _ in }
        return log.line(event, now: now)
    }

    /// The line with its end.
    func line(_ event: LogEvent, now: WallTime) -> ByteBuffer {
        var fields = metadata.merging(metadataProvider?.get() ?? [:]) { own, _ in own }
        fields.merge(event.metadata ?? [:]) { _, given in given }
        if let error = event.error { fields["error"] = "\(error)" }
        let sorted = fields.sorted { $0.key < $1.key }
        let line = isTerminal ? text(event, sorted, now) : json(event, sorted, now)
        line.append(0x0A)
        return line
    }

    private func text(_ event: LogEvent, _ fields: [Field], _ now: WallTime) -> ByteBuffer {
        var text = "\(now.iso8601) \(event.level.rawValue) \(event.message)"
        for field in fields { text += " \(field.key)=\(field.value)" }
        return ByteBuffer(Self.printable(text))
    }

    private func json(_ event: LogEvent, _ fields: [Field], _ now: WallTime) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        json.member("time", now.iso8601)
        json.member("level", event.level.rawValue)
        json.member("logger", label)
        json.member("message", "\(event.message)")
        // Among the fields nothing takes the place of the line's own keys.
        for field in fields {
            json.key(Self.ownKeys.contains(field.key) ? "_" + field.key : field.key)
            write(field.value, &json)
        }
        json.endObject()
        return json.buffer
    }

    /// Numbers and truths as such, everything else as a text.
    private func write(_ value: Logger.Metadata.Value, _ json: inout JSONWriter) {
        guard case .stringConvertible(let value) = value else { return json.string("\(value)") }
        switch value {
        case let number as any BinaryInteger: json.int(Int(clamping: number))
        case let truth as Bool: json.bool(truth)
        default: json.string("\(value)")
        }
    }

    private typealias Field = (key: String, value: Logger.Metadata.Value)

    private static let ownKeys: Set<String> = ["time", "level", "logger", "message"]

    /// A peer's bytes in a message cannot begin a line of their own or steer the terminal.
    private static func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "·" : Character($0) })
    }
}
