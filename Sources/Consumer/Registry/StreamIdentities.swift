import Kinesis

/// Which ARNs are those of streams that are known by their names: a stream of the account that is asked is one consumer's
/// stream, whether its name or its ARN is said. Performs no I/O.
///
/// The account is learned from the ARN that the service shows of a stream that was asked for by its name (decision 29).
struct StreamIdentities {
    /// What has to be found out first.
    enum Identity: Equatable {
        case known(StreamName)
        /// What the service says of the stream of the ARN's name tells.
        case unknown(StreamARN)
    }

    /// ARNs that are remembered as those of other accounts while one's own is not known; beyond it all are asked for again.
    private static let capacity = 1000

    /// Of the credentials that are used; nil: not known yet.
    private(set) var account: String?
    private var foreign: Set<StreamName> = []

    init(account: String?) {
        self.account = account
    }

    func identity(of stream: StreamName) -> Identity {
        guard let arn = stream.arn else { return .known(stream) }
        guard let account else { return foreign.contains(stream) ? .known(stream) : .unknown(arn) }
        return .known(arn.account == account ? arn.name : stream)
    }

    /// The service has shown a stream that was asked for by its name.
    mutating func saw(_ summary: StreamSummary) {
        guard let arn = StreamARN(summary.arn) else { return }
        account = arn.account
        foreign = []
    }

    /// The name alone leads nowhere, and the ARN to a stream.
    mutating func isForeign(_ stream: StreamName) {
        if foreign.count >= Self.capacity { foreign = [] }
        foreign.insert(stream)
    }
}
