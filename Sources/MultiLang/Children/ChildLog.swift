import AWS
import Consumer
import Kinesis
import Logging
import Reactor

/// What the log has of an application's children: what they may do a thousand times a second is told once, and then once a minute
/// how often. Confined to its loop.
final class ChildLog: @unchecked Sendable {
    /// Of a line that a child wrote: what is shown of it.
    private static let shownBytes = 4096

    let logger: Logger
    private let refusals: RepeatedWarning
    private let failures: RepeatedWarning
    private let overlong: RepeatedWarning

    init(_ logger: Logger, on loop: EventLoop) {
        self.logger = logger
        refusals = RepeatedWarning("a checkpoint of a record processor is refused", on: loop, logger: logger)
        failures = RepeatedWarning("a checkpoint of a record processor is not stored", on: loop, logger: logger)
        overlong = RepeatedWarning("a line of a record processor is longer than any message", on: loop, logger: logger)
    }

    func refused(_ request: CheckpointRequest, _ fault: CheckpointFault, of shard: ShardID) {
        refusals.warn(
            of: fault.rawValue,
            [
                "shard": "\(shard)", "error": "\(fault.rawValue)",
                "sequenceNumber": "\(request.sequenceNumber ?? "none")",
                "subSequenceNumber": "\(request.subSequenceNumber.map(String.init) ?? "none")",
            ])
    }

    func notStored(_ error: ConsumerError, _ fault: CheckpointFault, of shard: ShardID) {
        failures.warn(of: fault.rawValue, ["shard": "\(shard)", "error": "\(error)"])
    }

    func overlongLine(bytes: Int, of shard: ShardID) {
        overlong.warn(of: "\(shard)", ["shard": "\(shard)", "bytes": .stringConvertible(bytes)])
    }

    /// A line of standard output that is no message.
    func noise(_ line: [UInt8], of shard: ShardID, pid: Int32) {
        logger.debug(
            "a record processor wrote a line that is no message",
            metadata: ["shard": "\(shard)", "pid": .stringConvertible(pid), "line": "\(Self.text(line))"])
    }

    /// - Parameter lost: lines that were left out before this one.
    func errorLine(_ line: [UInt8], lost: Int, of shard: ShardID, pid: Int32) {
        if lost > 0 {
            logger.warning(
                "lines of a record processor's standard error are left out",
                metadata: ["shard": "\(shard)", "pid": .stringConvertible(pid), "lines": .stringConvertible(lost)])
        }
        logger.notice(
            "a record processor wrote to its standard error",
            metadata: ["shard": "\(shard)", "pid": .stringConvertible(pid), "line": "\(Self.text(line))"])
    }

    private static func text(_ line: [UInt8]) -> String {
        let shown = line.prefix(shownBytes)
        return String(decoding: shown, as: UTF8.self) + (shown.count < line.count ? "…" : "")
    }
}
