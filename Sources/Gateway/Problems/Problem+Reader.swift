import Consumer
import JSON
import Kinesis
import Time

extension ReaderProblem {
    func document(_ stream: StreamName) -> ProblemDocument {
        switch self {
        case .lastEventUnknown(let text, let places):
            ProblemDocument(
                .lastEventUnknown,
                "The delivery log of this consumer does not know the Last-Event-ID; reading goes on at the checkpoints. "
                    + "What was sent behind that event, and has a checkpoint, does not come again."
            )
            .with("lastEventId", .string(text)).with("positions", places.value)
        case .lastEventOfTail(let text, let places):
            ProblemDocument(
                .lastEventUnknown,
                "What only watches (tail=true) has no event ids, and nothing of it is kept: it begins anew at the positions. "
                    + "Read as a group, without tail, to go on behind an event."
            )
            .with("lastEventId", .string(text)).with("positions", places.value)
        case .lastEventTooOld(let event, let places):
            ProblemDocument(
                .lastEventTooOld,
                "The delivery log no longer holds every event behind the Last-Event-ID. What it holds comes again; events "
                    + "between may be missing."
            )
            .with("lastEventId", .string(event.description)).with("positions", places.value)
        case .logUnreadable(let event, let error, let places):
            ProblemDocument(
                .stateFailed,
                "The delivery log cannot be asked: \(error). What the former connection may not have read comes again, unless "
                    + "the sidecar has started since."
            )
            .with("lastEventId", .string(event.description)).with("positions", places.value)
        case .deliveryLogOff(let reason):
            ProblemDocument(
                .deliveryLogOff,
                "What is sent is not kept on this host: \(reason). The group goes on with DynamoDB alone. Until it is over "
                    + "Last-Event-ID is off, and so is unreadBytes over an end of the sidecar: what a reader had not read then, "
                    + "and has a checkpoint, does not come again."
            )
        case .deliveryLogOn:
            ProblemDocument(
                .deliveryLogOn,
                "What is sent is kept on this host again: Last-Event-ID and unreadBytes are on from here."
            )
        case .shardDegraded(let shard, let reason):
            ProblemDocument(.shardDegraded, "Reading the shard fails, and is tried again: \(reason).")
                .with("shardId", .string(shard.text))
        case .checkpointRefused(let shard, let was, let now):
            ProblemDocument(
                .checkpointRefused,
                "Kinesis does not accept the shard's checkpoint, maybe because it was trimmed. Reading goes on at \(now); "
                    + "records behind the checkpoint may be lost, others come again."
            )
            .with("shardId", .string(shard.text)).with("position", .string("\(was)"))
            .with("continuingAt", .string("\(now)"))
        case .shardLost(let shard):
            ProblemDocument(
                .shardLost, "The shard is no longer in its stream; what was not read of it is lost."
            )
            .with("shardId", .string(shard.text))
        case .streamRecreated(let was, let now, let initial):
            ProblemDocument(
                .streamRecreated,
                "The stream was deleted and made anew: it is another stream now. What was not read of the former one is lost; "
                    + "of the new one come \(initial == .trimHorizon ? "all records, from their beginning" : "the records put from now on")."
            )
            .with("wasCreatedOn", .string(was.iso8601)).with("createdOn", .string(now.iso8601))
        }
    }
}

extension [ShardPlace] {
    fileprivate var value: JSONValue {
        .array(
            map { place in
                .object([
                    JSONMember(key: "shardId", value: .string(place.shard.text)),
                    JSONMember(key: "position", value: .string("\(place.position)")),
                ])
            })
    }
}
