import HTTP

/// The fixed name of every problem that the sidecar answers with: what programs look at. openapi.yaml lists each with
/// its status, and a test compares the two.
package enum ProblemCode: String, CaseIterable, Sendable {
    // The request as HTTP.
    case malformedRequest
    case tlsRequired
    case requestTimeout
    case bodyTooLarge
    case uriTooLong
    case headerTooLarge
    case unknownExpectation
    case unsupportedMethod
    case unsupportedTransferCoding
    case unsupportedVersion
    case tooManyConnections
    case tooManyBodies
    // Who asks, and for what.
    case foreignHost
    case foreignOrigin
    case missingToken
    case unknownToken
    case unknownClient
    case verbNotGranted
    case streamNotGranted
    case otherMachine
    case tooManyAccessFailures
    case unknownRoute
    case methodNotAllowed
    case notAcceptable
    case unsupportedMediaType
    case unsupportedContentCoding
    // What the URL says.
    case malformedURL
    case badStreamName
    case unknownOption
    case repeatedOption
    case badOption
    case configurationOnlyOption
    case conflictingOptions
    // What the body says.
    case malformedGzip
    case malformedMessage
    case wrongMessageCount
    case unknownService
    case malformedJSON
    case missingField
    case unknownField
    case repeatedField
    case badField
    case conflictingFields
    case noRecords
    case recordTooLarge
    case putTooLarge
    case tooManyFailures
    // What cannot be done now.
    case tooManyPuts
    case putTimeout
    case itemNotStored
    case deadlineExceeded
    case optionConflict
    case consumerStopped
    case shardsNotHeld
    case leaseLost
    case unknownShard
    case unknownEvent
    case unknownSequenceNumber
    case consumerInUse
    case checkpointsAreAutomatic
    case checkpointBehind
    case checkpointAhead
    case checkpointBeforeSeek
    case shardsHeldElsewhere
    case unknownGroup
    case pollingNeverPauses
    case draining
    case stateFailed
    case groupUnavailable
    case fanOutUnavailable
    // What a reader is told in its stream.
    case lastEventUnknown
    case lastEventTooOld
    case deliveryLogOff
    case deliveryLogOn
    case shardDegraded
    case checkpointRefused
    case shardLost
    case streamRecreated
    // What AWS says.
    case streamMissing
    case streamNotReady
    case throttled
    case invalidArgument
    case awsDenied
    case awsFailed
    case awsUnreachable
    case awsTimeout
    case noCredentials

    /// Whether it says that whoever asks may not do what it asks for.
    var isOfAccess: Bool {
        [
            .missingToken, .unknownToken, .unknownClient, .verbNotGranted, .streamNotGranted, .otherMachine,
            .tooManyAccessFailures,
        ].contains(self)
    }

    /// Its status in HTTP.
    package var status: HTTPStatus {
        switch self {
        case .malformedRequest, .tlsRequired, .malformedURL, .badStreamName, .unknownOption, .repeatedOption,
            .badOption, .configurationOnlyOption, .conflictingOptions, .malformedGzip,
            .malformedJSON, .malformedMessage, .wrongMessageCount, .missingField, .unknownField, .repeatedField,
            .badField, .conflictingFields, .noRecords, .tooManyFailures,
            .unknownSequenceNumber, .invalidArgument:
            .badRequest
        // That a trouble is over is no error.
        case .deliveryLogOn: .ok
        case .missingToken, .unknownToken: .unauthorized
        case .foreignOrigin, .unknownClient, .verbNotGranted, .streamNotGranted, .otherMachine: .forbidden
        case .unknownRoute, .unknownService, .streamMissing, .unknownShard, .unknownEvent, .unknownGroup: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .notAcceptable: .notAcceptable
        case .requestTimeout: .requestTimeout
        case .optionConflict, .consumerStopped, .shardsNotHeld, .leaseLost, .checkpointsAreAutomatic, .checkpointBehind,
            .checkpointAhead, .checkpointBeforeSeek, .shardsHeldElsewhere, .pollingNeverPauses, .consumerInUse:
            .conflict
        case .lastEventUnknown, .lastEventTooOld, .checkpointRefused, .shardLost, .streamRecreated: .gone
        case .bodyTooLarge, .recordTooLarge, .putTooLarge: .contentTooLarge
        case .uriTooLong: .uriTooLong
        case .unsupportedMediaType, .unsupportedContentCoding: .unsupportedMediaType
        case .unknownExpectation: .expectationFailed
        case .foreignHost: .misdirectedRequest
        case .tooManyPuts, .throttled, .tooManyAccessFailures: .tooManyRequests
        case .headerTooLarge: .requestHeaderFieldsTooLarge
        case .unsupportedMethod, .unsupportedTransferCoding: .notImplemented
        case .itemNotStored, .awsDenied, .awsFailed, .awsUnreachable, .shardDegraded: .badGateway
        case .tooManyConnections, .tooManyBodies, .draining, .stateFailed, .groupUnavailable, .fanOutUnavailable,
            .streamNotReady,
            .noCredentials, .deliveryLogOff:
            .serviceUnavailable
        case .putTimeout, .awsTimeout, .deadlineExceeded: .gatewayTimeout
        case .unsupportedVersion: .versionNotSupported
        }
    }

    /// What it is, in a few words that never change: RFC 9457's `title`.
    package var title: String {
        switch self {
        case .malformedRequest: "The request is not sound HTTP"
        case .tlsRequired: "This port speaks HTTP over TLS"
        case .requestTimeout: "The request took too long to arrive"
        case .bodyTooLarge: "The body is too large"
        case .uriTooLong: "The request line is too long"
        case .headerTooLarge: "The header is too large"
        case .unknownExpectation: "An expectation that is not known"
        case .unsupportedMethod: "A method that is not served here"
        case .unsupportedTransferCoding: "A transfer coding that is not known"
        case .unsupportedVersion: "A version of HTTP that is not spoken here"
        case .tooManyConnections: "Too many connections"
        case .tooManyBodies: "Too many bodies are being read"
        case .foreignHost: "The Host is not one of this server's"
        case .foreignOrigin: "A page of another origin may not do this"
        case .missingToken: "There is no token"
        case .unknownToken: "The token is not known"
        case .unknownClient: "The client's certificate is not listed"
        case .verbNotGranted: "The verb is not granted"
        case .streamNotGranted: "The verb is not granted for the stream"
        case .otherMachine: "This is for the sidecar's own machine"
        case .tooManyAccessFailures: "Too many requests without a known token"
        case .unknownRoute: "No such route"
        case .methodNotAllowed: "The route has no such method"
        case .notAcceptable: "No answer of an accepted type"
        case .unsupportedMediaType: "A body of this type is not taken"
        case .unsupportedContentCoding: "A content coding that is not known"
        case .malformedURL: "The URL is malformed"
        case .badStreamName: "Not a stream's name"
        case .unknownOption: "No such option"
        case .repeatedOption: "An option is given twice"
        case .badOption: "An option has a bad value"
        case .configurationOnlyOption: "The option belongs to the configuration"
        case .conflictingOptions: "Options that exclude each other"
        case .malformedGzip: "The body is not gzip"
        case .malformedJSON: "The body is not JSON"
        case .malformedMessage: "The call's messages are malformed"
        case .unknownService: "There is no such service"
        case .wrongMessageCount: "The call has another number of messages than its method takes"
        case .missingField: "A field is missing"
        case .unknownField: "No such field"
        case .repeatedField: "A field is given twice"
        case .badField: "A field has a bad value"
        case .conflictingFields: "Fields that exclude each other"
        case .noRecords: "There are no records"
        case .recordTooLarge: "A record is over the stream's size"
        case .putTooLarge: "The put is over the memory for puts"
        case .tooManyFailures: "Too many failures wait to be read"
        case .tooManyPuts: "Too many puts are waiting"
        case .itemNotStored: "A large item could not be put to S3"
        case .putTimeout: "The put was not answered in time"
        case .deadlineExceeded: "The client's time is over"
        case .optionConflict: "The consumer runs with another value"
        case .consumerStopped: "The consumer is stopped"
        case .shardsNotHeld: "The consumer's shards are not held here"
        case .leaseLost: "This sidecar does not lease the shard any more"
        case .unknownShard: "No such shard"
        case .unknownEvent: "No such event"
        case .unknownSequenceNumber: "No such sequence number"
        case .consumerInUse: "The consumer is in use"
        case .checkpointsAreAutomatic: "The consumer moves its checkpoints itself"
        case .checkpointBehind: "The checkpoint is further on already"
        case .checkpointAhead: "The checkpoint is ahead of what was sent"
        case .checkpointBeforeSeek: "What was sent before a seek counts for nothing"
        case .shardsHeldElsewhere: "Others read the shards and cannot be told"
        case .unknownGroup: "Nothing is known of the group"
        case .pollingNeverPauses: "The consumer's polling never pauses"
        case .draining: "The sidecar is ending"
        case .stateFailed: "State cannot be read or written"
        case .groupUnavailable: "The group's item cannot be read or written"
        case .fanOutUnavailable: "Enhanced fan-out cannot be had"
        case .lastEventUnknown: "The Last-Event-ID is not known"
        case .deliveryLogOff: "What is sent is not kept"
        case .deliveryLogOn: "What is sent is kept again"
        case .lastEventTooOld: "The Last-Event-ID is too old"
        case .shardDegraded: "A shard cannot be read for now"
        case .checkpointRefused: "Kinesis refuses a checkpoint"
        case .shardLost: "A shard is gone"
        case .streamRecreated: "The stream is another one"
        case .streamMissing: "No such stream"
        case .streamNotReady: "The stream is not ready"
        case .throttled: "Kinesis throttles"
        case .invalidArgument: "Kinesis refuses the request"
        case .awsDenied: "AWS denies access"
        case .awsFailed: "AWS failed"
        case .awsUnreachable: "AWS cannot be reached"
        case .awsTimeout: "AWS did not answer in time"
        case .noCredentials: "There are no credentials"
        }
    }
}
