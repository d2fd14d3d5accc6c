/// What a reader is told, in words.
extension ReaderProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .lastEventUnknown:
            "The delivery log of this consumer does not know the Last-Event-ID; reading goes on at the checkpoints. "
                + "What was sent behind that event, and has a checkpoint, does not come again."
        case .lastEventOfTail:
            "What only watches (tail=true) has no event ids, and nothing of it is kept: it begins anew at the positions. "
                + "Read as a group, without tail, to go on behind an event."
        case .lastEventTooOld:
            "The delivery log no longer holds every event behind the Last-Event-ID. What it holds comes again; events "
                + "between may be missing."
        case .logUnreadable(_, let error, _):
            "The delivery log cannot be asked: \(error). What the former connection may not have read comes again, unless "
                + "the sidecar has started since."
        case .deliveryLogOff(let reason):
            "What is sent is not kept on this host: \(reason). The group goes on with DynamoDB alone. Until it is over "
                + "Last-Event-ID is off, and so is unreadBytes over an end of the sidecar: what a reader had not read then, "
                + "and has a checkpoint, does not come again."
        case .deliveryLogOn:
            "What is sent is kept on this host again: Last-Event-ID and unreadBytes are on from here."
        case .shardDegraded(_, let reason):
            "Reading the shard fails, and is tried again: \(reason)."
        case .checkpointRefused(_, _, let now):
            "Kinesis does not accept the shard's checkpoint, maybe because it was trimmed. Reading goes on at \(now); "
                + "records behind the checkpoint may be lost, others come again."
        case .shardLost:
            "The shard is no longer in its stream; what was not read of it is lost."
        case .streamRecreated(_, _, let initial):
            "The stream was deleted and made anew: it is another stream now. What was not read of the former one is lost; "
                + "of the new one come "
                + (initial == .trimHorizon ? "all records, from their beginning." : "the records put from now on.")
        }
    }
}
