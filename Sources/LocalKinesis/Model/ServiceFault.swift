import HTTP

/// An error as the service answers it: the code that clients look at, the text, and the status.
package struct ServiceFault: Error, Equatable {
    package var code: String
    package var message: String
    package var status = HTTPStatus.badRequest

    static func invalidArgument(_ message: String) -> ServiceFault {
        ServiceFault(code: "InvalidArgumentException", message: message)
    }

    static func validation(_ message: String) -> ServiceFault {
        ServiceFault(code: "ValidationException", message: message)
    }

    static func resourceInUse(_ message: String) -> ServiceFault {
        ServiceFault(code: "ResourceInUseException", message: message)
    }

    static func limitExceeded(_ message: String) -> ServiceFault {
        ServiceFault(code: "LimitExceededException", message: message)
    }

    static func notFound(_ message: String) -> ServiceFault {
        ServiceFault(code: "ResourceNotFoundException", message: message)
    }

    static func unknownOperation(_ message: String) -> ServiceFault {
        ServiceFault(code: "UnknownOperationException", message: message)
    }

    static func serialization(_ message: String) -> ServiceFault {
        ServiceFault(code: "SerializationException", message: message)
    }

    static func streamNotFound(_ name: String, _ account: String) -> ServiceFault {
        notFound("Stream \(name) under account \(account) not found.")
    }

    static func throughputExceeded(_ shard: String, _ stream: String, _ account: String) -> ServiceFault {
        ServiceFault(
            code: "ProvisionedThroughputExceededException",
            message: "Rate exceeded for shard \(shard) in stream \(stream) under account \(account).")
    }

    static let internalFailure = ServiceFault(
        code: "InternalFailure", message: "Internal Service Failure", status: .internalServerError)
}
