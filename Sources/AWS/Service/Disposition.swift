/// What an error asks for. The one table of what to do, for everybody that calls a service.
///
/// Source: reference/kinesis-service.md, "Errors and what to do".
package enum Disposition: Hashable, Sendable {
    /// A passing fault: back off with jitter, try again.
    case retry
    /// Too much was asked of a shard: back off with jitter, that shard only; count it.
    case throttled
    /// A control-plane limit: back off for seconds; never fatal.
    case limitExceeded
    /// Access or a key is missing: keep trying slowly (30 to 60 s) and show what is degraded.
    case denied
    /// Refresh the credentials once, then again slowly.
    case refreshCredentials
    /// Measure the skew from the response's Date, sign with the corrected time.
    case clockSkew
    /// A new iterator from the last position.
    case expiredIterator
    /// A page token outlived its 300 s: start the listing over.
    case expiredNextToken
    /// A subscription or stream is busy: wait and look again.
    case resourceInUse
    /// Shard, consumer or stream is gone: find out which.
    case notFound
    /// The request itself is wrong, e.g. a trimmed sequence number: trying again changes nothing.
    case invalidArgument
    /// The waiting task was cancelled.
    case cancelled
    /// Trying again changes nothing.
    case fatal
}

extension Disposition {
    /// The least wait before a call that may try again does so; nil where trying again changes nothing.
    /// - Parameter random: a number from 0 up to 1, which spreads the slow ones over 30 to 60 s.
    package func leastDelay(random: Double) -> Duration? {
        switch self {
        case .retry, .throttled: .zero
        case .limitExceeded: .seconds(1)
        case .denied, .refreshCredentials, .clockSkew: .seconds(30) + .seconds(30) * random
        case .expiredIterator, .expiredNextToken, .resourceInUse, .notFound, .invalidArgument, .cancelled, .fatal: nil
        }
    }
}

extension ServiceError {
    package var disposition: Disposition {
        Self.byCode[code] ?? byStatus
    }

    private var byStatus: Disposition {
        switch status {
        case 408, 500...: .retry
        case 429: .throttled
        case 401, 403, 407: .denied
        default: .fatal
        }
    }

    private static let byCode: [String: Disposition] = {
        let table: [(Disposition, [String])] = [
            (
                .throttled,
                [
                    "ProvisionedThroughputExceededException", "KMSThrottlingException", "ThrottlingException",
                    "Throttling", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
                    "RequestLimitExceeded", "SlowDown",
                ]
            ),
            (.limitExceeded, ["LimitExceededException"]),
            (
                .denied,
                [
                    "KMSDisabledException", "KMSInvalidStateException", "KMSAccessDeniedException",
                    "KMSNotFoundException", "KMSOptInRequired", "AccessDeniedException", "AccessDenied",
                    "MissingAuthenticationTokenException", "MissingAuthenticationToken",
                    "IncompleteSignatureException", "IncompleteSignature", "OptInRequired",
                ]
            ),
            (
                .refreshCredentials,
                [
                    "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId",
                    "UnrecognizedClient",
                ]
            ),
            (
                .clockSkew,
                [
                    "RequestTimeTooSkewed", "InvalidSignatureException", "InvalidSignature", "SignatureDoesNotMatch",
                    "RequestExpired", "RequestInTheFuture", "SignatureExpired",
                ]
            ),
            (.expiredIterator, ["ExpiredIteratorException"]),
            (.expiredNextToken, ["ExpiredNextTokenException"]),
            (.resourceInUse, ["ResourceInUseException", "OperationAborted"]),
            (.notFound, ["ResourceNotFoundException", "NoSuchBucket", "NoSuchKey"]),
            (
                .invalidArgument,
                [
                    "InvalidArgumentException", "ValidationException", "SerializationException", "ValidationError",
                ]
            ),
            (
                .retry,
                [
                    "InternalFailure", "InternalFailureException", "InternalServerError", "ServiceUnavailable",
                    "ServiceUnavailableException", "RequestTimeout", "RequestTimeoutException",
                    "TransactionInProgressException", "IDPCommunicationError",
                ]
            ),
            (.fatal, ["UnknownOperationException", "ConditionalCheckFailedException"]),
        ]
        var byCode: [String: Disposition] = [:]
        for (disposition, codes) in table {
            for code in codes { byCode[code] = disposition }
        }
        return byCode
    }()
}

extension TransportError {
    package var disposition: Disposition {
        switch self {
        case .nameNotResolved, .notConnected, .timedOut, .cut, .badResponse, .other: .retry
        case .tls: .denied
        case .responseTooLarge, .badHeader, .closed: .fatal
        case .cancelled: .cancelled
        }
    }
}

extension AWSError {
    package var disposition: Disposition {
        switch self {
        case .service(let error): error.disposition
        case .transport(let error): error.disposition
        case .credentials: .denied
        case .response: .retry
        case .cancelled: .cancelled
        }
    }
}
