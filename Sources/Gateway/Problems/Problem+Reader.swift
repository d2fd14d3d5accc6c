import Consumer
import JSON
import Kinesis
import Time

extension ReaderProblem {
    func document(_ stream: StreamName) -> ProblemDocument {
        switch self {
        case .lastEventUnknown(let text, let places):
            ProblemDocument(.lastEventUnknown, description).with("lastEventId", .string(text)).with(
                "positions", places.value)
        case .lastEventOfTail(let text, let places):
            ProblemDocument(.lastEventUnknown, description).with("lastEventId", .string(text)).with(
                "positions", places.value)
        case .lastEventTooOld(let event, let places):
            ProblemDocument(.lastEventTooOld, description).with("lastEventId", .string(event.description)).with(
                "positions", places.value)
        case .logUnreadable(let event, _, let places):
            ProblemDocument(.stateFailed, description).with("lastEventId", .string(event.description)).with(
                "positions", places.value)
        case .deliveryLogOff: ProblemDocument(.deliveryLogOff, description)
        case .deliveryLogOn: ProblemDocument(.deliveryLogOn, description)
        case .shardDegraded(let shard, _):
            ProblemDocument(.shardDegraded, description).with("shardId", .string(shard.text))
        case .checkpointRefused(let shard, let was, let now):
            ProblemDocument(.checkpointRefused, description).with("shardId", .string(shard.text)).with(
                "position", .string("\(was)")
            ).with("continuingAt", .string("\(now)"))
        case .shardLost(let shard): ProblemDocument(.shardLost, description).with("shardId", .string(shard.text))
        case .streamRecreated(let was, let now, _):
            ProblemDocument(.streamRecreated, description).with("wasCreatedOn", .string(was.iso8601)).with(
                "createdOn", .string(now.iso8601))
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
