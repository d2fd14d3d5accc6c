import Kinesis
import Logging
import State
import Time

// MARK: From the readers

extension ReadingSession {
    /// The reader's socket has taken the batch whole.
    /// - Parameter sentBytes: what the socket has taken of the connection, this batch included.
    func settled(_ delivery: Delivery, by reader: RecordsReader, sentBytes: Int) {
        let shard = delivery.shard
        let now = WallTime.now()
        counters.delivered(delivery.batch, of: shard, after: loop.now - delivery.receivedOn, at: now)
        scope.sent.sent(
            DeliveredEvent(
                id: delivery.id, shard: shard, before: delivery.before, last: delivery.last, endOffset: sentBytes,
                sentOn: now, seek: delivery.origin.seek, records: delivery.batch.recordCount),
            streamCreatedOn: delivery.origin.streamCreatedOn, counts: delivery.origin.seek == positions.seek(of: shard))
        // A batch of an earlier stream of this name says nothing about the new one's shard of the same name, and one
        // whose shard was handed over without it, or begins again further back, is on its way again.
        guard readings[shard]?.task === delivery.origin else { return }
        positions.sent(
            shard, before: delivery.before, last: delivery.last, firstArrival: delivery.batch.first.arrival, on: now)
        let checkpoint = delivery.origin.settled(delivery.id.number)
        if let checkpoint, options.useAutoCheckpoints { positions.settled(shard, checkpoint) }
        releaseIfDone(shard)
        let reached = max(delivery.last, checkpoint ?? delivery.last)
        if let next = assignments.sent(shard, to: reader.id, upTo: reached) { begin([shard: next]) }
        if assignments.hasWork { carryOut() }
    }

    /// The reader has taken everything that it was given, and waits for more.
    func waits(_ reader: RecordsReader) {
        guard assignments.isAnyEvicted, !reader.isOfProcessors else { return }
        for id in assignments.tookAll(reader.id) { readings[id]?.task.readerWaits() }
    }
}

// MARK: From the record processors

extension ReadingSession {
    /// The shard's processor waits for its next batch: what was given up of it is asked for again.
    func readOn(_ id: ShardID) {
        if assignments.took(id) { readings[id]?.task.readerWaits() }
    }

    /// The shard's processor is over: the shard moves, if it still is to, and begins anew otherwise.
    func letGo(processed id: ShardID) {
        if case .revoking(let reader, _) = assignments.slot(of: id), assignments.owner(of: id) != reader {
            assignments.released(id, now: loop.now)
        } else {
            revokeAtOnce(id)
        }
        carryOut()
    }

    /// The shard's processor has done with the shard's end. Returns whether the shard is over with it.
    func confirmedEnd(_ id: ShardID) -> Bool { task(of: id)?.confirmedEnd() ?? false }
}

// MARK: From the shards' tasks

extension ReadingSession {
    /// Everything of the shard up to here is done, where nothing was to be delivered.
    func passed(_ task: ShardTask, through checkpoint: Checkpoint) {
        guard readings[task.id]?.task === task else { return }
        positions.settled(task.id, checkpoint)
        if let next = assignments.sent(task.id, to: task.reader.id, upTo: checkpoint) { begin([task.id: next]) }
        if assignments.hasWork { carryOut() }
    }

    func ended(_ task: ShardTask, _ children: [ChildShard]) {
        logger.info(
            "shard read to its end", metadata: ["shard": "\(task.id)", "shards": .stringConvertible(children.count)])
        positions.depleted(task.id, children: children)
        group?.note(.ended, of: task.id)
        readings[task.id] = nil
        assignments.depleted(task.id)
        task.reader.notify(task.id, .depleted)
        // There is no more of it, whatever was asked for.
        if let next = assignments.replayed(task.id) { begin([task.id: next]) }
        takeReadable()
        // The listing may know of children that the response did not name.
        lookAgain()
    }

    func checkpointRefused(_ task: ShardTask, at position: StartingPosition) {
        positions.reset(task.id, to: nil)
        task.reader.notify(.checkpointRefused(task.id, was: position, now: task.position))
        // A record processor knows its checkpoint, and takes none that is before it.
        guard task.reader.isOfProcessors else { return }
        revokeAtOnce(task.id)
        carryOut()
    }

    func degraded(_ task: ShardTask, _ reason: String) {
        task.reader.notify(.shardDegraded(task.id, reason: reason))
    }

    func lost(_ task: ShardTask) {
        task.reader.notify(.shardLost(task.id))
    }

    /// The service can be reached again: what waits because it could not is tried soon.
    func serviceReturned() {
        for reading in readings.values { reading.task.serviceReturned() }
        if problem != nil { lookAgain() }
    }

    /// The service allows no subscription.
    func subscriptionDenied(_ reason: String) { scope.fanOut.denied(reason, options) }

    /// The shards are read in another way from here on, each behind what was delivered of it.
    func wayChanged() {
        for id in readings.keys { revokeAtOnce(id) }
        takeReadable()
    }

    /// The stream may not be what it was: look now instead of at the next round.
    func lookAgain() {
        discovery?.lookNow()
        scope.fanOut.doubt(options)
    }
}

// MARK: From the discovery

extension ReadingSession {
    /// Whether a shard that is not found, or does not know its checkpoint, may be another stream's of the same name.
    var doubtsStream: Bool { readings.values.contains(where: \.task.doubtsStream) || group?.doubtsStream ?? false }

    func take(_ listing: [Kinesis.Shard]) {
        let added = positions.listed(listing)
        group?.listed(listing)
        counters.keep(positions.book.shards.map(\.id))
        if !added.isEmpty {
            logger.info("new shards", metadata: ["shardIds": "\(added.map(\.id.text).joined(separator: " "))"])
        }
        for id in positions.book.vanished { readings[id]?.task.missingFromListing() }
        takeReadable()
    }

    /// The stream was deleted and made again while it was being read: all of the new one is news.
    func goOver(to positions: Positions, _ listing: [Kinesis.Shard]) {
        logger.error("the stream was made anew; its positions begin anew")
        assignments.forgetReplays(of: positions.book.shards.map(\.id))
        for id in readings.keys { revokeAtOnce(id) }
        for reader in readers.values {
            reader.notify(
                .streamRecreated(
                    was: self.positions.book.streamCreatedOn, now: positions.book.streamCreatedOn, from: .trimHorizon))
        }
        self.positions = positions
        scope.sent.beginAnew(streamCreatedOn: positions.book.streamCreatedOn)
        positions.want(options.shardIDs)
        if let group {
            positions.shareOut(from: options.initialPositionInStream, listing)
            group.goOver(to: positions, listing, options)
        }
        takeReadable()
    }
}
