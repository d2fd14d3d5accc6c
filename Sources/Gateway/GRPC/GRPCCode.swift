/// The codes that a call of gRPC ends with (github.com/grpc/grpc, doc/statuscodes.md), as far as this program uses them.
enum GRPCCode: Int {
    case ok = 0
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case `internal` = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16
}

extension ProblemCode {
    /// Its code in gRPC. What passes without anything being done by the client has UNAVAILABLE or RESOURCE_EXHAUSTED, after
    /// which clients try again by themselves; but for a put that may have been written.
    var grpcCode: GRPCCode {
        switch self {
        case .malformedRequest, .tlsRequired, .malformedURL, .badStreamName, .unknownOption, .repeatedOption,
            .badOption,
            .configurationOnlyOption, .conflictingOptions, .malformedGzip, .malformedJSON,
            .malformedMessage, .missingField, .unknownField, .repeatedField, .badField, .conflictingFields, .noRecords,
            .recordTooLarge, .unknownSequenceNumber, .invalidArgument, .uriTooLong, .headerTooLarge,
            .unknownExpectation:
            .invalidArgument
        // doc/statuscodes.md says UNIMPLEMENTED; grpc-java and grpc-go, and so what clients know, say INTERNAL.
        case .wrongMessageCount: .internal
        case .deliveryLogOn: .ok
        case .missingToken, .unknownToken: .unauthenticated
        case .foreignOrigin, .foreignHost, .unknownClient, .verbNotGranted, .streamNotGranted, .otherMachine:
            .permissionDenied
        case .unknownService, .streamMissing, .unknownShard, .unknownEvent, .unknownGroup: .notFound
        case .unknownRoute, .methodNotAllowed, .unsupportedMethod, .unsupportedTransferCoding, .unsupportedVersion,
            .unsupportedMediaType, .unsupportedContentCoding, .notAcceptable:
            .unimplemented
        case .optionConflict, .consumerStopped, .shardsNotHeld, .checkpointsAreAutomatic, .checkpointBehind,
            .checkpointAhead, .checkpointBeforeSeek, .shardsHeldElsewhere, .pollingNeverPauses, .consumerInUse:
            .failedPrecondition
        case .leaseLost: .aborted
        case .bodyTooLarge, .putTooLarge, .tooManyFailures, .tooManyPuts, .throttled, .tooManyConnections,
            .tooManyAccessFailures,
            .tooManyBodies:
            .resourceExhausted
        case .requestTimeout, .putTimeout, .deadlineExceeded: .deadlineExceeded
        case .lastEventUnknown, .lastEventTooOld: .outOfRange
        case .checkpointRefused, .shardLost, .streamRecreated: .dataLoss
        case .draining, .stateFailed, .groupUnavailable, .fanOutUnavailable, .streamNotReady, .noCredentials,
            .itemNotStored,
            .awsDenied, .awsFailed,
            .awsUnreachable, .awsTimeout, .shardDegraded, .deliveryLogOff:
            .unavailable
        }
    }
}
