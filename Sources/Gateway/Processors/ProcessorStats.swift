import JSON
import MultiLang
import State
import Telemetry
import Time

/// How record processors look in `/stats` and `/metrics`. Performs no I/O.
extension ProcessorsSnapshot {
    /// An element of the member `processors` of the process's stats.
    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("streamName", stream.text)
        json.member("consumerGroup", group)
        json.key("command")
        json.beginArray()
        for word in command { json.string(word) }
        json.endArray()
        json.key("children")
        json.beginArray()
        for child in children { child.write(&json) }
        json.endArray()
        json.endObject()
    }
}

extension ProcessorsSnapshot.Child {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("shardId", shard.text)
        if let pid { json.member("pid", Int(pid)) }
        json.member("state", state.rawValue)
        if let actionTime { json.member("actionMillis", Int(actionTime.wholeMilliseconds)) }
        json.member("restarts", restarts)
        json.member("failuresInRow", failuresInRow)
        json.member("batches", batches)
        json.member("processingMillis", Int(processingTime.wholeMilliseconds))
        json.member("errorLines", errorLines)
        json.member("errorLinesLost", errorLinesLost)
        if let lastCheckpoint {
            json.key("lastCheckpoint")
            json.beginObject()
            json.member("sequenceNumber", lastCheckpoint.sequenceNumber.text)
            if let sub = lastCheckpoint.subSequenceNumber { json.member("subSequenceNumber", sub) }
            json.endObject()
        }
        json.optional("lastFailure", lastFailure)
        json.endObject()
    }
}

extension MetricWriter {
    /// What the children of all applications are at.
    func write(_ applications: [ProcessorsSnapshot]) {
        guard !applications.isEmpty else { return }
        metric("kinesis_sidecar_children", .gauge, "Shards of record processors, by what their children are at.") {
            for application in applications {
                let counts = Dictionary(grouping: application.children, by: \.state).mapValues(\.count)
                for state in ProcessorsSnapshot.State.allCases {
                    $0.add(application.labels + [("state", state.rawValue)], counts[state] ?? 0)
                }
            }
        }
        func byShard(
            _ name: String, _ kind: MetricKind, _ help: String, _ value: (ProcessorsSnapshot.Child) -> Double
        ) {
            metric(name, kind, help) {
                for application in applications {
                    for child in application.children {
                        $0.add(application.labels + [("shard", child.shard.text)], value(child))
                    }
                }
            }
        }
        byShard(
            "kinesis_sidecar_child_restarts_total", .counter,
            "Record processors that were started in the place of one that failed."
        ) { Double($0.restarts) }
        byShard(
            "kinesis_sidecar_child_failures_in_row", .gauge, "Record processors that failed one after the other."
        ) { Double($0.failuresInRow) }
        byShard("kinesis_sidecar_child_batches_total", .counter, "Batches that record processors have answered.") {
            Double($0.batches)
        }
        byShard(
            "kinesis_sidecar_child_processing_seconds_total", .counter,
            "How long record processors took for these batches."
        ) { $0.processingTime.inSeconds }
        byShard(
            "kinesis_sidecar_child_action_seconds", .gauge,
            "How long the record processor is at work on what it was asked; 0 while it waits."
        ) { $0.actionTime?.inSeconds ?? 0 }
    }
}

extension ProcessorsSnapshot {
    fileprivate var labels: MetricLabels { [("stream", stream.text), ("consumer_group", group)] }
}
