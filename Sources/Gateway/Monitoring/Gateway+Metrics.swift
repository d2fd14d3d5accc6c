import Consumer
import HTTP
import HTTPServer
import Kinesis
import Reactor
import S3
import State
import Telemetry

/// `GET /metrics`: everything that is counted, for Prometheus. docs/operating.md says what each means and what to do.
extension Gateway {
    func metrics(_ exchange: HTTPExchange) async throws(Problem) {
        try refuseOptions(exchange)
        let text = MetricsText()
        await writeMetrics(text)
        await exchange.respond(
            .ok, headers: ["Content-Type": MetricsText.contentType, "Cache-Control": "no-store"], body: text.buffer)
    }

    /// All there are, in slices.
    package func writeMetrics(_ text: some MetricWriter) async {
        writeProcess(text)
        writeRequests(text)
        writeRefusedReaders(text)
        text.metric(
            "kinesis_sidecar_access_failures_total", .counter,
            "Requests that were refused because whoever asked may not, by problem code."
        ) {
            for (code, count) in accessFailures.counts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                $0.add([("code", code.rawValue)], count)
            }
        }
        writePuts(text)
        if let table = services.table() { write(table.use, text) }
        if let items = services.items() { write(items.counters, text) }
        text.write(services.processors())
        writeDurations(text)
        if let exports = services.exports() {
            text.metric(
                "kinesis_sidecar_otlp_failed_requests_total", .counter,
                "Requests with telemetry that the collector did not take.", exports.failedRequests)
            text.metric(
                "kinesis_sidecar_otlp_dropped_spans_total", .counter,
                "Spans that did not come to the collector.", exports.droppedSpans)
        }
        await writeConsumers(text)
    }

    private func writeProcess(_ text: some MetricWriter) {
        text.metric("kinesis_sidecar_build_info", .gauge, "The version that runs; always 1.") {
            $0.add([("version", options.version)], 1)
        }
        text.metric(
            "kinesis_sidecar_draining", .gauge, "1 while the sidecar is ending or drained, else 0.",
            stage.isReady ? 0 : 1)
        let isWritable = services.state.health == .writable
        text.metric(
            "kinesis_sidecar_state_writable", .gauge, "1 while positions can be stored, 0 while they cannot.",
            isWritable ? 1 : 0)
        text.metric(
            "kinesis_sidecar_checkpoints_committed_total", .counter,
            "Checkpoints that were stored; of those of one shard that wait together only the newest is.",
            services.state.committedCheckpoints)
        // Prometheus's own names: every dashboard of processes knows them.
        let start = Double(options.process.startedOn.milliseconds) / 1000
        text.metric("process_start_time_seconds", .gauge, "When the process began, since the epoch.", start)
        text.metric(
            "kinesis_sidecar_log_lines_lost_total", .counter,
            "Lines of the log that were lost because standard error did not take them, or those before them.",
            options.process.lostLogLines())
        guard let figures = options.process.figures() else { return }
        text.metric("process_resident_memory_bytes", .gauge, "Resident memory (VmRSS).", figures.residentBytes)
        text.metric("process_open_fds", .gauge, "Open file descriptors.", figures.openFiles)
        text.metric("process_max_fds", .gauge, "Open file descriptors that there may be.", figures.mostOpenFiles)
        text.metric(
            "process_cpu_seconds_total", .counter, "Processor time of user and system.", figures.processorTime.inSeconds
        )
    }

    private func write(_ use: GroupTableUse, _ text: some MetricWriter) {
        text.metric(
            "kinesis_sidecar_dynamodb_item_requests_total", .counter,
            "Requests for groups' items, whatever became of them."
        ) {
            $0.add([("kind", "read")], use.reads)
            $0.add([("kind", "write")], use.writes)
        }
        text.metric(
            "kinesis_sidecar_dynamodb_failed_conditions_total", .counter,
            "Writes of groups' items that did not take place, because somebody else had written.", use.failedConditions)
        text.metric(
            "kinesis_sidecar_dynamodb_capacity_units_total", .counter, "Capacity units that groups' items have cost."
        ) {
            $0.add([("kind", "read")], use.readUnits)
            $0.add([("kind", "write")], use.writtenUnits)
        }
    }

    private func write(_ items: ItemCounters, _ text: some MetricWriter) {
        func byDirection(_ name: String, _ help: String, put: Int, got: Int) {
            text.metric(name, .counter, help) {
                $0.add([("direction", "put")], put)
                $0.add([("direction", "get")], got)
            }
        }
        byDirection(
            "kinesis_sidecar_s3_items_total", "Large items that were put to S3 and got from there.", put: items.puts,
            got: items.gets)
        byDirection(
            "kinesis_sidecar_s3_bytes_total", "Bytes of these items.", put: items.putBytes, got: items.gotBytes)
        byDirection(
            "kinesis_sidecar_s3_failures_total",
            "Large items that could not be put, or without which their records were given out.",
            put: items.putFailures, got: items.getFailures)
    }

    private func writeRequests(_ text: some MetricWriter) {
        text.metric(
            "kinesis_sidecar_http_requests_total", .counter,
            "Requests whose answer has ended, by route and status; 0 is a connection closed without an answer."
        ) {
            for row in requests.all {
                $0.add([("route", row.route.text), ("status", String(row.status))], row.count)
            }
        }
        text.metric(
            "kinesis_sidecar_http_requests_in_flight", .gauge, "Requests whose answer has not ended, readers too.",
            requests.inFlight)
    }

    private func writeRefusedReaders(_ text: some MetricWriter) {
        text.metric(
            "kinesis_sidecar_refused_readers_total", .counter,
            "Requests for records that were refused, by problem code; libraries come back, and count again."
        ) {
            for (code, count) in refusedReaders.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                $0.add([("code", code.rawValue)], count)
            }
        }
    }

    private func writePuts(_ text: some MetricWriter) {
        let streams = services.activity.all
        func byStream(
            _ name: String, _ kind: MetricKind, _ help: String, _ value: (StreamName, StreamActivity) -> Int
        ) {
            text.metric(name, kind, help) {
                for (stream, activity) in streams { $0.add([("stream", stream.text)], value(stream, activity)) }
            }
        }
        byStream("kinesis_sidecar_put_records_total", .counter, "Records that Kinesis accepted.") { $1.putRecords }
        byStream(
            "kinesis_sidecar_put_bytes_total", .counter, "Bytes of data and partition keys of the accepted records."
        ) { $1.putBytes }
        byStream("kinesis_sidecar_put_retries_total", .counter, "Records that were sent once more.") { stream, _ in
            services.producer.retriedRecords(of: stream)
        }
        byStream(
            "kinesis_sidecar_put_failures_total", .counter,
            "Records that one call did not get accepted; most are tried again."
        ) { $1.putFailures }
        byStream("kinesis_sidecar_put_calls_total", .counter, "PutRecords and PutRecord calls.") { $1.putCalls }
        byStream(
            "kinesis_sidecar_put_calls_in_flight", .gauge, "PutRecords and PutRecord calls without an answer yet."
        ) { $1.putCallsInFlight }
        text.metric(
            "kinesis_sidecar_put_waiting_bytes", .gauge,
            "Bytes of puts that wait for their answer; maxPutBytes bounds it.",
            services.producer.waitingBytes)
        text.metric("kinesis_sidecar_throttles_total", .counter, "Calls and records that Kinesis throttled.") {
            for (stream, activity) in streams {
                for operation in StreamActivity.Operation.allCases {
                    let labels: MetricLabels = [("stream", stream.text), ("operation", operation.rawValue)]
                    $0.add(labels, activity.throttles(operation))
                }
            }
        }
    }

    private func writeDurations(_ text: some MetricWriter) {
        text.metric(
            "kinesis_sidecar_put_duration_seconds", .histogram,
            "From when a put was taken to its answer; a group of records of a body of lines is one."
        ) {
            for (stream, activity) in services.activity.all where activity.putDurations.count > 0 {
                $0.add([("stream", stream.text)], activity.putDurations)
            }
        }
        func byOperation(_ name: String, _ help: String, _ durations: [String: Histogram]) {
            text.metric(name, .histogram, help) {
                for (operation, histogram) in durations.sorted(by: { $0.key < $1.key }) {
                    $0.add([("operation", operation)], histogram)
                }
            }
        }
        byOperation(
            "kinesis_sidecar_kinesis_request_duration_seconds",
            "How long Kinesis took for a response, each try for itself; of SubscribeToShard for its beginning.",
            services.kinesis().requestDurations)
        byOperation(
            "kinesis_sidecar_dynamodb_request_duration_seconds", "How long DynamoDB took, each try for itself.",
            services.table()?.service.requestDurations ?? [:])
        text.metric(
            "kinesis_sidecar_checkpoint_duration_seconds", .histogram,
            "How long storing what had gathered took: a commit of SQLite, a write of a group's item to DynamoDB."
        ) {
            $0.add([("store", "sqlite")], services.state.commitDurations)
            if let table = services.table() { $0.add([("store", "dynamodb")], table.use.writeDurations) }
        }
    }

    /// What dashboards of thousands of shards need no sum for.
    private func writeTotals(_ consumers: [ConsumerSnapshot], _ text: some MetricWriter) {
        let totals = consumers.map { ($0.labels, ShardTotals($0.shards)) }
        func byGroup(_ name: String, _ help: String, _ value: (ShardTotals) -> Int?) {
            text.metric(name, .gauge, help) {
                for (labels, total) in totals { if let value = value(total) { $0.add(labels, value) } }
            }
        }
        func byGroup(_ name: String, _ help: String, milliseconds value: (ShardTotals) -> Int?) {
            text.metric(name, .gauge, help) {
                for (labels, total) in totals {
                    if let value = value(total) { $0.add(labels, Double(value) / 1000) }
                }
            }
        }
        byGroup("kinesis_sidecar_group_shards", "Shards that are known of the group's stream.", \.shards)
        byGroup("kinesis_sidecar_group_degraded_shards", "Shards that are degraded.", \.degradedShards)
        byGroup(
            "kinesis_sidecar_group_shard_lag_max_seconds", "The largest kinesis_sidecar_shard_lag_seconds.",
            milliseconds: \.lag?.most)
        byGroup(
            "kinesis_sidecar_group_checkpoint_lag_max_seconds", "The largest kinesis_sidecar_checkpoint_lag_seconds.",
            milliseconds: \.checkpointLag?.most)
        byGroup(
            "kinesis_sidecar_group_checkpoint_lag_sum_seconds", "The sum of kinesis_sidecar_checkpoint_lag_seconds.",
            milliseconds: \.checkpointLag?.sum)
        byGroup(
            "kinesis_sidecar_group_unacknowledged_events", "The sum of kinesis_sidecar_unacknowledged_events.",
            \.unacknowledgedEvents)
        let deliveries = consumers.compactMap { consumer in consumer.totals.map { (consumer.labels, $0) } }
        text.metric(
            "kinesis_sidecar_group_delivered_records_total", .counter,
            "The group's kinesis_sidecar_delivered_records_total, with those of shards that are gone."
        ) { for (labels, total) in deliveries { $0.add(labels, total.records) } }
        text.metric(
            "kinesis_sidecar_group_delivered_bytes_total", .counter,
            "The group's kinesis_sidecar_delivered_bytes_total, with those of shards that are gone."
        ) { for (labels, total) in deliveries { $0.add(labels, total.bytes) } }
        text.metric(
            "kinesis_sidecar_delivery_delay_seconds", .histogram,
            "From when a response of Kinesis was there to when the reader's socket had taken an event of it."
        ) { for (labels, total) in deliveries { $0.add(labels, total.delay) } }
        text.metric(
            "kinesis_sidecar_record_age_seconds", .histogram,
            "How old the last record of an event was, since Kinesis took it, when the reader's socket had taken it."
        ) { for (labels, total) in deliveries { $0.add(labels, total.age) } }
    }

    private func writeGroups(_ consumers: [ConsumerSnapshot], _ text: some MetricWriter) {
        let groups = consumers.compactMap { consumer in consumer.membership.map { (consumer.labels, $0) } }
        func byGroup(
            _ name: String, _ kind: MetricKind, _ help: String, _ value: (GroupSnapshot) -> Double
        ) {
            text.metric(name, kind, help) { for (labels, group) in groups { $0.add(labels, value(group)) } }
        }
        byGroup("kinesis_sidecar_group_members", .gauge, "Members of the group, as its item has them.") {
            Double($0.members.count)
        }
        byGroup("kinesis_sidecar_leases", .gauge, "Shards that this process leases.") { group in
            Double(group.members.first { $0.record.id == group.me }?.shards.count ?? 0)
        }
        byGroup("kinesis_sidecar_leases_taken_total", .counter, "Leases that this process has got.") {
            Double($0.counters.taken)
        }
        byGroup("kinesis_sidecar_leases_renewed_total", .counter, "Leases that it has renewed.") {
            Double($0.counters.renewed)
        }
        byGroup("kinesis_sidecar_leases_given_up_total", .counter, "Leases that it has given up in order.") {
            Double($0.counters.givenUp)
        }
        byGroup(
            "kinesis_sidecar_leases_lost_total", .counter,
            "Leases that others have taken, or that have ended before they could be renewed."
        ) { Double($0.counters.lost) }
        byGroup("kinesis_sidecar_group_item_bytes", .gauge, "Bytes of the group's item; DynamoDB takes 409,600.") {
            Double($0.itemBytes)
        }
    }

    private func writeConsumers(_ text: some MetricWriter) async {
        let consumers = await services.consumers.snapshots().filter { !$0.isUnused }
        let walk = SlicedWalk(loop)
        text.metric(
            "kinesis_sidecar_buffered_bytes", .gauge, "Bytes of answers and events held; maxBufferedBytes bounds it.",
            services.consumers.bufferedBytes)
        text.metric("kinesis_sidecar_readers", .gauge, "Connections that follow records.") {
            for consumer in consumers { $0.add(consumer.labels, consumer.readerIDs.count) }
        }
        text.metric(
            "kinesis_sidecar_tail_readers", .gauge, "Connections that only watch (tail=true).",
            services.consumers.tailCount)
        writeTotals(consumers, text)
        writeGroups(consumers, text)
        func byShard(
            _ name: String, _ kind: MetricKind, _ help: String, _ value: (ShardSnapshot) -> Int
        ) async {
            await text.slicedMetric(name, kind, help) {
                for consumer in consumers {
                    for shard in consumer.shards {
                        $0.add(consumer.labels(shard), value(shard))
                        await walk.step()
                    }
                }
            }
        }
        await text.slicedMetric(
            "kinesis_sidecar_shard_lag_seconds", .gauge,
            "How far reading is behind the shard's tip at most; absent while the shard is not read."
        ) {
            for consumer in consumers {
                for shard in consumer.shards {
                    await walk.step()
                    guard let behind = shard.millisBehindLatest else { continue }
                    $0.add(consumer.labels(shard), Double(behind) / 1000)
                }
            }
        }
        func bySomeShards(_ name: String, _ help: String, _ milliseconds: (ShardBacklog) -> Int?) async {
            await text.slicedMetric(name, .gauge, help) {
                for consumer in consumers {
                    for shard in consumer.shards {
                        await walk.step()
                        guard let time = milliseconds(shard.backlog) else { continue }
                        $0.add(consumer.labels(shard), Double(time) / 1000)
                    }
                }
            }
        }
        await bySomeShards(
            "kinesis_sidecar_checkpoint_lag_seconds",
            "How long ago the oldest record arrived that the committed checkpoint does not cover; 0: there is none.",
            \.checkpointLag)
        await byShard(
            "kinesis_sidecar_unacknowledged_events", .gauge, "Events that were sent and that no checkpoint covers.",
            \.backlog.unacknowledgedEvents)
        await bySomeShards(
            "kinesis_sidecar_oldest_unacknowledged_seconds",
            "How long ago the first event was sent that no checkpoint covers; absent where there is none.",
            \.oldestUnacknowledged)
        await byShard(
            "kinesis_sidecar_shard_buffered_bytes", .gauge, "Bytes of this shard that are held.", \.bufferedBytes)
        await byShard(
            "kinesis_sidecar_shard_degraded", .gauge, "1 while Kinesis refuses or fails for the shard, else 0."
        ) { $0.phase == .degraded ? 1 : 0 }
        await byShard(
            "kinesis_sidecar_delivered_records_total", .counter,
            "Records whose bytes a reader's socket has taken; one that comes again counts again.", \.counters.records)
        await byShard(
            "kinesis_sidecar_delivered_bytes_total", .counter, "Bytes of those records' data, as Kinesis holds them.",
            \.counters.bytes)
        await byShard(
            "kinesis_sidecar_dropped_user_records_total", .counter,
            "User records of aggregates that were left out, because they belong to another shard.",
            \.counters.droppedUserRecords)
        await byShard("kinesis_sidecar_delivered_events_total", .counter, "Events with records.", \.counters.batches)
        await byShard(
            "kinesis_sidecar_shard_rewinds_total", .counter,
            "Times that the shard began again further back, so that records came again.", \.counters.rewinds)
        await byShard(
            "kinesis_sidecar_skipped_records_total", .counter,
            "Records that were passed over because their reader said that it cannot process them.",
            \.counters.skippedRecords)
        await byShard(
            "kinesis_sidecar_shard_restarts_total", .counter, "Times that the watchdog restarted the shard.",
            \.counters.restarts)
        await byShard(
            "kinesis_sidecar_shard_subscriptions_total", .counter,
            "Subscriptions of enhanced fan-out that have begun; 0 where the shard is polled.", \.counters.subscriptions)
        await byShard(
            "kinesis_sidecar_shard_pushed_bytes_total", .counter, "Bytes of the events that were pushed.",
            \.counters.pushedBytes)
        await text.slicedMetric(
            "kinesis_sidecar_shard_subscription_ends_total", .counter,
            "Subscriptions that were followed by another one, by what has ended them."
        ) {
            for consumer in consumers {
                for shard in consumer.shards {
                    await walk.step()
                    for (ending, count) in shard.counters.subscriptionEndings.sorted(by: {
                        $0.key.rawValue < $1.key.rawValue
                    }) {
                        $0.add(consumer.labels(shard) + [("reason", ending.rawValue)], Double(count))
                    }
                }
            }
        }
    }
}

extension ConsumerSnapshot {
    fileprivate var labels: MetricLabels { [("stream", stream.text), ("consumer_group", group)] }

    fileprivate func labels(_ shard: ShardSnapshot) -> MetricLabels {
        labels + [("shard", shard.id.text)]
    }
}
