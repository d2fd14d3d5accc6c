import Bytes
import JSON

/// One line of `GET /streams/{s}/records` as NDJSON.
package enum TailEvent {
    package struct Records {
        package let shard: String
        /// nil: of a tail without a group.
        let id: String?
        let isAtTip: Bool
        /// The array as text, which is not made into a tree.
        package let records: JSONSpan
    }

    /// A payload has up to 512 levels, and the event is around it.
    static let limits = JSONLimits(depth: JSONLimits.payload.depth + 8)

    case records(Records)
    case assigned(shard: String)
    case problem(title: String, detail: String)
    /// The response ends; `draining` or `stopped`.
    case end(reason: String)
    /// What a tail has no use for.
    case other

    /// The line's bytes must stay while the event is in use.
    package init(_ line: UnsafeRawBufferPointer) throws(JSONError) {
        var scanner = try JSONObjectScanner(line, limits: Self.limits)
        var texts: [String: String] = [:]
        var records: JSONSpan?
        var isAtTip = false
        while let (key, value) = try scanner.next() {
            if key.isString("records") {
                records = value
            } else if key.isString("millisBehindLatest") {
                isAtTip = value.raw.elementsEqual("0".utf8)
            } else if let name = try key.string(), let text = try value.string() {
                texts[name] = text
            }
        }
        switch texts["event"] {
        case "records":
            guard let records, records.kind == .array else { self = .other; return }
            self = .records(
                Records(shard: texts["shardId"] ?? "", id: texts["id"], isAtTip: isAtTip, records: records))
        case "shard" where texts["change"] == "assigned": self = .assigned(shard: texts["shardId"] ?? "")
        case "problem": self = .problem(title: texts["title"] ?? "a problem", detail: texts["detail"] ?? "")
        case "end": self = .end(reason: texts["reason"] ?? "")
        default: self = .other
        }
    }
}

/// One record of such a line, its data left as text. The line's bytes must stay while it is in use.
package struct TailRecord {
    private let whole: JSONSpan
    private(set) var place = TailCursor.Place(number: "", sub: 0)
    /// As the record has it.
    private(set) var subSequenceNumber: Int?
    private(set) var arrival = ""
    private var key = ""
    private var data: JSONSpan?
    private var isBase64 = false
    private var hasMembers = false

    package init(_ whole: JSONSpan) throws(JSONError) {
        self.whole = whole
        var number = ""
        var scanner = try JSONObjectScanner(whole, limits: TailEvent.limits)
        while let (name, value) = try scanner.next() {
            hasMembers = true
            if name.isString("data") {
                data = value
            } else if name.isString("sequenceNumber") {
                number = try value.string() ?? ""
            } else if name.isString("subSequenceNumber") {
                subSequenceNumber = Int(String(decoding: value.raw, as: UTF8.self))
            } else if name.isString("partitionKey") {
                key = try value.string() ?? ""
            } else if name.isString("approximateArrivalTimestamp") {
                arrival = try value.string() ?? ""
            } else if name.isString("dataEncoding") {
                isBase64 = value.isString("base64")
            }
        }
        place = TailCursor.Place(number: number, sub: subSequenceNumber ?? 0)
    }

    /// Appends the record as a line.
    package func append(_ style: TailOptions.Style, shard: String, to output: ByteBuffer) throws(JSONError) {
        switch style {
        case .json:
            output.append("{\"shardId\":")
            JSONText.appendString(shard, to: output)
            if hasMembers { output.append(",") }
            output.append(UnsafeRawBufferPointer(rebasing: whole.raw.dropFirst()))
        case .text:
            let text = try data?.string() ?? data.map { String(decoding: $0.raw, as: UTF8.self) } ?? ""
            let columns = [arrival, shard, key, isBase64 ? "base64:" + text : text]
            output.append(columns.map(PrintableText.line).joined(separator: "  "))
        case .raw: try appendData(to: output)
        }
        output.append("\n")
    }

    private func appendData(to output: ByteBuffer) throws(JSONError) {
        guard let data else { return }
        guard let text = try data.string() else { return output.append(data.raw) }
        if isBase64, let bytes = Base64.decode(text) {
            output.append(contentsOf: bytes)
        } else {
            output.append(text)
        }
    }
}
