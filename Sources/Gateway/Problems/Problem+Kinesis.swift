import AWS
import Consumer
import JSON
import Kinesis
import Producer

extension PutError {
    func document(_ stream: StreamName) -> ProblemDocument {
        switch self {
        case .busy(let backlog): backlog.document
        case .timedOut(let after, let mayHaveBeenWritten, let lastFailure):
            ProblemDocument(
                .putTimeout,
                "There was no \(PutError.missing(lastFailure)) of Kinesis within \(after); "
                    + (mayHaveBeenWritten ? "the record may have been written." : "the record was not written.")
                    + (lastFailure.map { " The last attempt: \($0)." } ?? "")
            )
            .with("mayHaveBeenWritten", .bool(mayHaveBeenWritten))
        case .recordTooLarge(let index, let size, let limit):
            ProblemDocument(
                .recordTooLarge,
                "Record \(index) has \(size) bytes of data and partition key; \(stream) takes \(limit)."
            )
            .with("index", .int(index)).with("size", .int(size)).with("limit", .int(limit)).with("field", "data")
        case .otherRegion(let region): ConsumerError.otherRegion(region).document(stream)
        case .streamMissing: ConsumerError.streamMissing(stream).document(stream)
        case .streamNotReady(let status): ConsumerError.streamNotReady(stream, status: status).document(stream)
        case .service(let error): error.document(stream)
        case .itemNotStored(let index, let bucket, let error):
            ProblemDocument(
                .itemNotStored,
                "The large item of record \(index) could not be put to the bucket \(bucket): \(error). Nothing was sent to "
                    + "\(stream)."
            )
            .with("index", .int(index)).with("bucket", .string(bucket.text))
        case .noBucket:
            ProblemDocument(
                .itemNotStored,
                "A record of this size goes to S3, and \(stream) is no name of a bucket: the configuration needs "
                    + "s3.bucketName. Nothing was sent.")
        case .draining: Problem.ending
        }
    }
}

extension PutBacklog {
    var document: ProblemDocument {
        ProblemDocument(
            .tooManyPuts, "Puts of \(waiting) bytes wait for Kinesis; maxPutBytes is \(limit). Nothing was sent."
        )
        .with("limit", .int(limit)).header("Retry-After", String(max(1, retryAfter.components.seconds)))
    }
}

extension ConsumerError {
    func document(_ stream: StreamName) -> ProblemDocument {
        switch self {
        case .conflictingOption(let conflict):
            ProblemDocument(
                .optionConflict,
                "The consumer runs with \(conflict.option)=\(conflict.held); asked is \(conflict.asked). Leave the option "
                    + "out, ask for the value in force, or name another consumerGroup."
            )
            .with("option", .string(conflict.option)).with("held", .string(conflict.held))
            .with("asked", .string(conflict.asked))
        case .otherRegion(let region):
            ProblemDocument(.badStreamName, "\(stream) is in another region than \(region), whose Kinesis is asked.")
                .with("field", "streamName")
        case .initialTimestampAhead(let moment):
            ProblemDocument(
                .badOption,
                "The option initialTimestamp is \(moment.iso8601), which is still to come by this sidecar's clock; accepted: "
                    + "a time that has passed."
            )
            .with("option", "initialTimestamp").with("accepted", "a time that has passed")
        case .stopped:
            ProblemDocument(
                .consumerStopped,
                "The consumer was stopped; POST /streams/\(stream)/start begins it again where it was."
            )
        case .shardsNotHeld:
            ProblemDocument(
                .shardsNotHeld,
                "This sidecar does not hold the consumer's shards: it was never started here, or has had no reader for "
                    + "readerGracePeriod. A request for its records, or POST /streams/\(stream)/start, begins it."
            )
        case .leaseLost(let shard, let owner):
            ProblemDocument(
                .leaseLost,
                "This sidecar does not lease \(shard) in the group any more: "
                    + (owner.map { "\($0.host) (member \($0.id)) does, and its readers get what is not done." }
                        ?? "whoever leases it next gets what is not done.")
            )
            .with("shardId", .string(shard.text)).with("owner", owner.map { .string($0.id.text) })
            .with("host", owner.map { .string($0.host) })
        case .unknownShard(let shard):
            ProblemDocument(.unknownShard, "The stream \(stream) has no shard \(shard) that this consumer knows.")
                .with("field", "shardId").with("shardId", .string(shard.text))
        case .unknownEvent(let event):
            ProblemDocument(
                .unknownEvent,
                "No event \(event) of this consumer is in the delivery log. Name shardId and sequenceNumber instead."
            )
            .with("field", "id").with("id", .string(event.description))
        case .checkpointsAreAutomatic:
            ProblemDocument(
                .checkpointsAreAutomatic,
                "The consumer runs with useAutoCheckpoints=true: what a reader's socket has taken is checkpointed. "
                    + "\"force\": true moves a checkpoint all the same."
            )
        case .checkpointBehind(let shard, let held):
            ProblemDocument(
                .checkpointBehind,
                "The checkpoint of \(shard) is at \(held.sequenceNumber) already; \"force\": true moves it back."
            )
            .with("shardId", .string(shard.text)).with("sequenceNumber", .string(held.sequenceNumber.text))
        case .checkpointAhead(let shard, let furthest):
            ProblemDocument(
                .checkpointAhead,
                "Nothing behind \(furthest?.sequenceNumber.text ?? "its beginning") of \(shard) was sent to a reader; "
                    + "\"force\": true passes records over."
            )
            .with("shardId", .string(shard.text))
            .with("sequenceNumber", furthest.map { .string($0.sequenceNumber.text) })
        case .checkpointBeforeSeek(let shard):
            ProblemDocument(
                .checkpointBeforeSeek,
                "What is acknowledged of \(shard) was sent before POST …/seek put it elsewhere, and counts for nothing: nothing "
                    + "was stored. Acknowledge what comes from there on."
            )
            .with("shardId", .string(shard.text))
        case .unknownGroup(let group):
            ProblemDocument(
                .unknownGroup,
                "Nothing is kept of a group \(group) of the stream \(stream) as it is now; a request for its records, or POST "
                    + "/streams/\(stream)/start, begins it."
            )
            .with("consumerGroup", .string(group))
        case .seekAhead(let moment):
            ProblemDocument(
                .badField,
                "The field \"to\" is \(moment.iso8601), which is still to come; accepted: a time that has passed."
            )
            .with("field", "to").with("accepted", "a time that has passed")
        case .shardsHeldElsewhere(let shards): Self.held(shards)
        case .unknownSequenceNumber(let shard, let number):
            ProblemDocument(
                .unknownSequenceNumber,
                "Kinesis knows no record \(number) in \(shard): nothing was stored. A sequence number is taken from a record of "
                    + "this shard as it stands there, as a string: as a number it loses digits."
            )
            .with("shardId", .string(shard.text)).with("sequenceNumber", .string(number.text))
        case .hasReaders:
            ProblemDocument(
                .consumerInUse,
                "The consumer has readers, or one is being attached; it is forgotten once they have gone (POST …/stop)."
            )
        case .configured:
            ProblemDocument(
                .consumerInUse,
                "The configuration lists the consumer, and it would begin anew; take it out of the configuration first."
            )
        case .pollingNeverPauses:
            ProblemDocument(
                .pollingNeverPauses, "The consumer runs without usePausedPolling: its shards do not wait for anybody.")
        case .pausesWithFanOut:
            ProblemDocument(
                .optionConflict,
                "usePausedPolling does not go with useEnhancedFanOut, by which the sidecar is configured to read: "
                    + "what is pushed does not wait."
            ).with("option", .string("usePausedPolling"))
        case .streamMissing(let name):
            ProblemDocument(
                .streamMissing,
                "There is no stream \(name), and it is not among those that the sidecar creates (createStreamIfNeeded)."
            )
        case .streamNotReady(let name, let status):
            ProblemDocument(.streamNotReady, "The stream \(name) is \(status); try again.")
                .with("streamStatus", .string(status)).header("Retry-After", "1")
        case .notPrepared:
            ProblemDocument(
                .awsTimeout, "Kinesis has not answered in time what a reader of \(stream) needs, and is asked on.")
        case .service(let error): error.document(stream)
        case .fanOut(let name, let reason):
            ProblemDocument(
                .fanOutUnavailable,
                "No consumer for enhanced fan-out can be had of the stream \(name): \(reason)."
            )
            .header("Retry-After", "5")
        case .group(let error):
            ProblemDocument(
                .groupUnavailable,
                "The group's item in DynamoDB cannot be read or written: \(error). "
                    + "A lone sidecar does without it: dynamoDb.enabled: false."
            )
            .header("Retry-After", "5")
        case .logUnreadable(let event, let error):
            ProblemDocument(
                .stateFailed,
                "The delivery log cannot be asked what event \(event) carried: \(error). Name shardId and sequenceNumber of the "
                    + "last record that is done instead: that is stored in DynamoDB."
            )
            .with("field", "id").with("id", .string(event.description))
        case .state(let error): ProblemDocument(.stateFailed, "Positions cannot be kept: \(error).")
        case .shuttingDown, .cancelled: Problem.ending
        }
    }

    private static func held(_ shards: [HeldShard]) -> ProblemDocument {
        let first = shards.first.map { "\($0.shard) by \($0.host) (member \($0.owner))" } ?? "none"
        return ProblemDocument(
            .shardsHeldElsewhere,
            "\(shards.count) of the shards are read by members of the group that cannot be told that reading goes on elsewhere: "
                + "lifion-kinesis processes, or sidecars that were not heard of lately. The first one: \(first). Nothing was "
                + "changed; end those members, or name a shardId that they do not have."
        )
        .with("owner", shards.first.map { .string($0.owner.text) }).with("host", shards.first.map { .string($0.host) })
        .with(
            "shards",
            .array(
                shards.map {
                    .object([
                        JSONMember(key: "shardId", value: .string($0.shard.text)),
                        JSONMember(key: "owner", value: .string($0.owner.text)),
                        JSONMember(key: "host", value: .string($0.host)),
                    ])
                }))
    }
}

extension AWSError {
    func document(_ stream: StreamName) -> ProblemDocument {
        switch self {
        case .service(let error): error.document(stream)
        case .transport(let error):
            if case .timedOut = error {
                ProblemDocument(.awsTimeout, "Kinesis: \(error).")
            } else {
                ProblemDocument(.awsUnreachable, "Kinesis: \(error).")
            }
        case .credentials(let error): ProblemDocument(.noCredentials, "Nothing to sign with: \(error).")
        case .response(_, let requestID):
            ProblemDocument(.awsFailed, "Kinesis: \(self).").with("awsRequestId", requestID.map(JSONValue.string))
        case .cancelled: Problem.ending
        }
    }
}

extension ServiceError {
    fileprivate func document(_ stream: StreamName) -> ProblemDocument {
        let document = ProblemDocument(problemCode, problemDetail(stream))
            .with("awsCode", .string(code)).with("awsRequestId", requestID.map(JSONValue.string))
        let passes = document.code == .throttled || document.code == .streamNotReady
        return passes ? document.header("Retry-After", "1") : document
    }

    private var problemCode: ProblemCode {
        switch disposition {
        case .throttled, .limitExceeded: .throttled
        case .denied, .refreshCredentials, .clockSkew: .awsDenied
        case .notFound: .streamMissing
        case .resourceInUse: .streamNotReady
        case .invalidArgument, .expiredIterator, .expiredNextToken: .invalidArgument
        case .retry, .fatal, .cancelled: .awsFailed
        }
    }

    private func problemDetail(_ stream: StreamName) -> String {
        "Kinesis, for the stream \(stream): \(code)" + (message.isEmpty ? "." : ": \(message)")
    }
}
