import Client
import Consumer
import KCL
import Kinesis
import State
import Time

/// What `import-kcl` prints: a row for each shard, and why it may not be written. Performs no I/O.
struct ImportReport {
    let plan: ImportPlan
    /// When the stream was made: who stands there stands at the oldest record.
    let createdOn: WallTime

    var table: String {
        var table = TextTable(["SHARD", "KCL", "WORKER", "BECOMES", "GROUP HAD"])
        for row in plan.rows {
            table.add([
                row.shard.text, row.lease.map { "\($0.position)" } ?? "no lease", row.lease?.owner ?? "",
                text(row.outcome), row.held.map(text) ?? "",
            ])
        }
        return table.text
    }

    /// What is to be known beside the table.
    var notes: [String] {
        plan.withPendingCheckpoint.map { lease in
            "\(lease.shard): the checkpoint \(lease.pendingCheckpoint ?? "") is prepared and was not made; it is not taken"
        }
    }

    private func text(_ outcome: ImportPlan.Outcome) -> String {
        switch outcome {
        case .goesOn(let place): text(place)
        case .finished(.readToEnd): "done: read to its end"
        case .finished(.hasDescendants): "done: its descendants have begun"
        case .finished(.closedAtLatest): "done: closed, and at LATEST"
        case .stays: "as before: at LATEST, and the group has a place"
        case .unknown: "as before: the application did not know it"
        case .gone: "nothing: the stream has it no more"
        }
    }

    private func text(_ standing: ImportPlan.Standing) -> String {
        standing.isDepleted ? "done" : text(standing.place)
    }

    private func text(_ place: ShardRecord.Place) -> String {
        switch place {
        case .behind(let checkpoint):
            switch checkpoint.extent {
            case .none: "at \(checkpoint.sequenceNumber)"
            case .part(let last) where last > 0: "behind \(checkpoint.sequenceNumber)/\(last)"
            case .part, .whole: "behind \(checkpoint.sequenceNumber)"
            }
        case .since(let moment): moment <= createdOn ? "at its oldest record" : "at \(moment.iso8601)"
        case .initial: "at initialPositionInStream"
        case .unreadable(let value): "unreadable: \(value)"
        }
    }
}

/// Why an import is refused.
enum ImportObstacle: Equatable {
    /// These take part in the group. Nothing goes on over them.
    case members([GroupMember])
    /// Somebody has written these leases while they were watched.
    case moved([KCLLease])
    /// The group has places of its own in so many shards.
    case losses(Int)
    /// Kinesis knows no such records of these shards.
    case unknownRecords([ShardID])

    /// Whether `--force` goes on all the same.
    var isForcible: Bool { if case .members = self { false } else { true } }

    var text: String {
        switch self {
        case .members(let members):
            let names = members.map { "\($0.appName) \($0.id) (host \($0.host), process \($0.pid))" }
            return "the group is in use by \(names.joined(separator: ", ")): stop that first; who was killed counts "
                + "until its lease is over"
        case .moved(let leases):
            let owners = Set(leases.map { $0.owner ?? "nobody" }).sorted().joined(separator: ", ")
            let shards = leases.map(\.shard.text).joined(separator: ", ")
            return "the application runs: \(owners) has written the leases of \(shards) meanwhile; stop it first"
        case .losses(let count):
            let shards = count == 1 ? "1 shard" : "\(count) shards"
            return "the group has places of its own in \(shards) (GROUP HAD), which would be lost"
        case .unknownRecords(let shards):
            let names = shards.map(\.text).joined(separator: ", ")
            return
                "Kinesis knows no such records of \(names): a sidecar would begin these shards anew; is it the right "
                + "stream?"
        }
    }
}
