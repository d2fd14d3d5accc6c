import Consumer
import Time

/// One row of the table of what configuration may say of record processors beside their command, stream and consumer's
/// options: the only place that knows its name, range and default.
package struct ProcessorOption: Sendable {
    package let name: String
    package let kind: OptionKind
    /// One line that says what it does.
    package let help: String
    /// Takes a value that `kind` has read.
    package let apply: @Sendable (inout ProcessorOptions, OptionValue) -> Void
    /// The value in force, in the option's own notation; empty: none.
    package let show: @Sendable (ProcessorOptions) -> String

    /// The row with this name.
    package static func named(_ name: String) -> ProcessorOption? { all.first { $0.name == name } }

    package static let all: [ProcessorOption] = [
        ProcessorOption(
            name: "timeout", kind: .milliseconds(1...OptionKind.longestMilliseconds),
            help: "how long a child may take for the answer to one action before it is ended and started again"
        ) {
            $0.timeout = $1.duration
        } show: {
            $0.timeout.map { String($0.wholeMilliseconds) } ?? ""
        },
        ProcessorOption(
            name: "shutdownGrace", kind: .milliseconds(0...OptionKind.longestMilliseconds),
            help: "what the children have at the end for their last checkpoints; 0: they are not asked"
        ) {
            $0.shutdownGrace = $1.duration ?? $0.shutdownGrace
        } show: {
            String($0.shutdownGrace.wholeMilliseconds)
        },
        ProcessorOption(
            name: "maxChildRestarts", kind: .integer(0...1_000_000),
            help: "after so many failed children in a row a shard is given up for a while"
        ) {
            $0.maxChildRestarts = $1.integer ?? $0.maxChildRestarts
        } show: {
            String($0.maxChildRestarts)
        },
        ProcessorOption(
            name: "callProcessRecordsEvenForEmptyRecordList", kind: .boolean,
            help: "whether a child that has nothing to do is given an empty batch now and then"
        ) {
            $0.callsForEmptyBatches = $1.boolean ?? $0.callsForEmptyBatches
        } show: {
            String($0.callsForEmptyBatches)
        },
    ]

    /// Consumer's options that a record processor cannot have, and why.
    package static let unfit = [
        "useAutoCheckpoints": "a record processor checkpoints by itself",
        "usePausedPolling": "a record processor gets its next batch when it has answered the last one",
        "shouldParseJson": "a record processor gets the data in base64",
        "statsInterval": "a record processor gets no stats",
        "unreadBytes": "what a record processor has not checkpointed comes again, and nothing else",
    ]

    package static let acceptedCommand =
        "a program with its arguments: a list of words, or a text that is split at blanks"

    /// A command as the daemon takes it: words between blanks, without quotes.
    package static func command(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
