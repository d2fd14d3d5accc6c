import Bytes
import JSON
import Kinesis

/// What the sidecar asks of a record processor, one thing at a time; the raw values are the protocol's.
package enum ProcessorAction: String, Equatable, Sendable {
    case initialize, processRecords, leaseLost, shardEnded, shutdownRequested
}

/// A line of the MultiLangDaemon's protocol that the sidecar writes, but for batches, which the engine encodes
/// (`RecordFormat.processRecords`). Performs no I/O.
package enum MessageToProcessor: Equatable, Sendable {
    /// - Parameter subSequenceNumber: of the last user record that is done in an aggregated record; 0 elsewhere.
    case initialize(ShardID, sequenceNumber: String, subSequenceNumber: Int)
    /// `processRecords` without a record.
    case emptyBatch(millisBehindLatest: Int)
    case leaseLost
    case shardEnded
    case shutdownRequested
    /// The answer to a checkpoint, with the numbers as the child has sent them.
    case checkpoint(CheckpointRequest, CheckpointFault?)

    /// One line. Every member is always there, `null` included: amazon_kclpy looks for each.
    package var line: ByteBuffer {
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        switch self {
        case .initialize(let shard, let sequenceNumber, let subSequenceNumber):
            json.member("action", ProcessorAction.initialize.rawValue)
            json.member("shardId", shard.text)
            json.member("sequenceNumber", sequenceNumber)
            json.member("subSequenceNumber", subSequenceNumber)
        case .emptyBatch(let millisBehindLatest):
            json.member("action", ProcessorAction.processRecords.rawValue)
            json.key("records")
            json.beginArray()
            json.endArray()
            json.member("millisBehindLatest", millisBehindLatest)
        case .leaseLost: json.member("action", ProcessorAction.leaseLost.rawValue)
        case .shardEnded: json.member("action", ProcessorAction.shardEnded.rawValue)
        case .shutdownRequested: json.member("action", ProcessorAction.shutdownRequested.rawValue)
        case .checkpoint(let request, let fault):
            json.member("action", "checkpoint")
            json.key("sequenceNumber")
            if let number = request.sequenceNumber { json.string(number) } else { json.null() }
            json.key("subSequenceNumber")
            if let number = request.subSequenceNumber { json.int(number) } else { json.null() }
            json.key("error")
            if let fault { json.string(fault.rawValue) } else { json.null() }
        }
        json.endObject()
        let line = json.buffer
        line.append("\n")
        return line
    }
}

/// A child's wish to move its shard's checkpoint.
package struct CheckpointRequest: Equatable, Sendable {
    /// As it was sent; nil: the end of what was delivered.
    package let sequenceNumber: String?
    /// As it was sent.
    package let subSequenceNumber: Int?

    package init(sequenceNumber: String? = nil, subSequenceNumber: Int? = nil) {
        self.sequenceNumber = sequenceNumber
        self.subSequenceNumber = subSequenceNumber
    }
}

/// Why a checkpoint was not stored: names of the KCL's exceptions, by which the client libraries know what to do.
package enum CheckpointFault: String, Error, Sendable {
    /// Not between the last checkpoint and the last record that was delivered, or no such number.
    case illegalArgument = "IllegalArgumentException"
    /// The shard is not this child's any more.
    case shutdown = "ShutdownException"
    /// Nothing can be stored in this state of the conversation.
    case invalidState = "InvalidStateException"
    /// It could not be stored in time; the same may be tried again.
    case throttling = "ThrottlingException"
}

/// A line that a child wrote. Performs no I/O.
package enum MessageFromProcessor: Equatable, Sendable {
    /// It has done with the action of that name.
    case status(of: String)
    case checkpoint(CheckpointRequest)
    /// No message: the daemon passes such lines over, and libraries write empty ones.
    case noise

    /// Levels of brackets; messages have one.
    private static let limits = JSONLimits(depth: 16)
    /// Bytes of a name or number that are kept: what is longer is none, and its answer need not repeat it.
    private static let longestText = 256

    private static func cut(_ text: String) -> String {
        text.utf8.count <= longestText ? text : String(decoding: text.utf8.prefix(longestText), as: UTF8.self)
    }

    package init(line: some Sequence<UInt8>) {
        let bytes = Array(line)
        guard let value = try? bytes.withUnsafeBytes({ try JSONParser.parse($0, limits: Self.limits) }),
            let action = value["action"]?.string
        else {
            self = .noise
            return
        }
        switch action {
        case "status":
            guard let name = value["responseFor"]?.string else {
                self = .noise
                return
            }
            self = .status(of: Self.cut(name))
        case "checkpoint": self = Self.checkpoint(value)
        default: self = .noise
        }
    }

    /// Numbers may come as texts too, and a text as a number; what is neither is a checkpoint that names nothing sensible, and
    /// is answered as such.
    private static func checkpoint(_ value: JSONValue) -> MessageFromProcessor {
        let number: String? =
            switch value["sequenceNumber"] {
            case nil, .null?: nil
            case let other?: other.string ?? other.int.map(String.init) ?? ""
            }
        let sub: Int? =
            switch value["subSequenceNumber"] {
            case nil, .null?: nil
            case let other?: other.int ?? other.string.flatMap { Int($0) } ?? -1
            }
        return .checkpoint(CheckpointRequest(sequenceNumber: number.map(cut), subSequenceNumber: sub))
    }
}
