import Consumer
import HTTP
import HTTPServer
import Kinesis
import Reactor
import S3
import State

/// `GET /metrics`: everything that is counted, for Prometheus. docs/operating.md says what each means and what to do.
extension Gateway {
    func metrics(_ exchange: HTTPExchange) async throws(Problem) {
        try refuseOptions(exchange)
        let text = await metricsText()
        await exchange.respond(
            .ok, headers: ["Content-Type": MetricsText.contentType, "Cache-Control": "no-store"], body: text.buffer)
    }

    func metricsText() async -> MetricsText {
        let text = MetricsText()
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
        await writeConsumers(text)
        return text
    }

    private func writeProcess(_ text: MetricsText) {
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
    }

    private func write(_ use: GroupTableUse, _ text: MetricsText) {
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

    private func write(_ items: ItemCounters, _ text: MetricsText) {
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

    private func writeRequests(_ text: MetricsText) {
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

    private func writeRefusedReaders(_ text: MetricsText) {
        text.metric(
            "kinesis_sidecar_refused_readers_total", .counter,
            "Requests for records that were refused, by problem code; libraries come back, and count again."
        ) {
            for (code, count) in refusedReaders.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                $0.add([("code", code.rawValue)], count)
            }
        }
    }

    private func writePuts(_ text: MetricsText) {
        let streams = services.activity.all
        func byStream(
            _ name: String, _ kind: MetricsText.Kind, _ help: String, _ value: (StreamName, StreamActivity) -> Int
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
                    let labels: MetricsText.Labels = [("stream", stream.text), ("operation", operation.rawValue)]
                    $0.add(labels, activity.throttles(operation))
                }
            }
        }
    }

    private func writeGroups(_ consumers: [ConsumerSnapshot], _ text: MetricsText) {
        let groups = consumers.compactMap { consumer in consumer.membership.map { (consumer.labels, $0) } }
        func byGroup(
            _ name: String, _ kind: MetricsText.Kind, _ help: String, _ value: (GroupSnapshot) -> Double
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

    private func writeConsumers(_ text: MetricsText) async {
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
        writeGroups(consumers, text)
        func byShard(
            _ name: String, _ kind: MetricsText.Kind, _ help: String, _ value: (ShardSnapshot) -> Int
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
    fileprivate var labels: MetricsText.Labels { [("stream", stream.text), ("consumer_group", group)] }

    fileprivate func labels(_ shard: ShardSnapshot) -> MetricsText.Labels {
        labels + [("shard", shard.id.text)]
    }
}
