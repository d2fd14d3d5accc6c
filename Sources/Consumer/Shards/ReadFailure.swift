import AWS

/// What a failed call means for the shard that made it.
enum ReadFailure: Equatable, Sendable {
    /// The shard's share of reads is used up: this shard slows down.
    case throttled
    /// A passing fault of the network: what became of the call is not known.
    case passing
    /// The service says that it has failed, for the moment.
    case failing
    /// No connection to the service can be made.
    case unreachable
    /// A status 500 that names no error. kinesis-mock and moto refuse so an iterator that they do not know, as after
    /// their restart.
    case unexplained
    /// A limit of the control plane.
    case limitExceeded
    /// Access or a key is missing: slowly, until somebody repairs it.
    case denied
    /// The iterator is older than 5 minutes.
    case expiredIterator
    /// The shard or its stream is not there.
    case notFound
    /// Another subscription of the consumer to the shard has just begun, or has taken the place of this one.
    case inUse
    /// A subscription has brought nothing, not even an empty event: it ended, or nothing came for too long. Is no error.
    case fruitless
    /// The service does not accept the request as it is: an iterator at a trimmed sequence number, for one.
    case refused
    /// Nothing that this program knows; tried again slowly all the same.
    case unexpected

    init(_ error: AWSError) {
        if error.isUnreachable {
            self = .unreachable
            return
        }
        if case .service(let fault) = error, fault.code == "HTTP500" {
            self = .unexplained
            return
        }
        self =
            switch error.disposition {
            case .retry: if case .service = error { .failing } else { .passing }
            case .clockSkew, .cancelled: .passing
            case .resourceInUse: .inUse
            case .throttled: .throttled
            case .limitExceeded: .limitExceeded
            case .denied, .refreshCredentials: .denied
            case .expiredIterator: .expiredIterator
            case .notFound: .notFound
            case .invalidArgument: .refused
            case .expiredNextToken, .fatal: .unexpected
            }
    }

    /// How long to wait before the next attempt.
    ///
    /// Source: reference/kinesis-service.md, "Errors and what to do".
    var backoff: Backoff {
        switch self {
        // After a response of 10 MiB the service refuses a shard for up to 5 s.
        case .throttled: Backoff(first: .milliseconds(500), longest: .seconds(5))
        // Readers wait for the first attempt that succeeds, and one in 5 s is little beside the five a second that the shard
        // is read with otherwise.
        case .passing, .failing, .unexplained, .unreachable, .fruitless:
            Backoff(first: .milliseconds(250), longest: .seconds(5))
        case .expiredIterator: Backoff(first: .milliseconds(250), longest: .seconds(30))
        // A subscription stands for 5 s before another one may take its place: the turn is asked for every 1 to 2 s.
        case .inUse: Backoff(first: .seconds(2), longest: .seconds(2))
        case .limitExceeded: Backoff(first: .seconds(2), longest: .seconds(30))
        // With its fixed half this is 30 to 60 s from the first failure on.
        case .denied: Backoff(first: .seconds(60), longest: .seconds(60))
        case .notFound, .refused, .unexpected: Backoff(first: .seconds(1), longest: .seconds(60))
        }
    }

    /// So many in a row show the shard as degraded.
    var degradesAfter: Int {
        switch self {
        case .denied, .notFound, .refused, .unexpected: 1
        case .throttled, .passing, .failing, .unreachable, .unexplained, .limitExceeded, .expiredIterator, .fruitless: 3
        // Longer than another subscription can be in the way.
        case .inUse: 6
        }
    }
}
