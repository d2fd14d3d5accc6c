import Kinesis

/// What somebody may be allowed to do, as `verbs` of a token or a client's name lists it.
package enum Verb: String, CaseIterable, Sendable {
    /// Records, continue, shards, stats, streams, assignments.
    case read
    /// Acknowledging records.
    case checkpoint
    /// Both puts.
    case put
    /// Start, stop, forget, seek, metrics, drain.
    case admin
}

/// What a request needs to be allowed. Every route has one (`Route.demand`).
package enum Demand: Equatable, Sendable {
    /// Whoever reaches the listener may.
    case nothing
    case verb(Verb, on: Extent)
    /// The verb on the whole process; where nobody has to prove anything, whoever is on this machine may.
    case verbOrOwnMachine(Verb)

    /// What the verb is used on.
    package enum Extent: Equatable, Sendable {
        case stream(StreamName)
        /// Streams that the body names, each of which is looked at once it is known, or those that the response lists: others
        /// are left out of it.
        case someStreams
        /// The whole process, whatever its streams are.
        case process
    }
}
