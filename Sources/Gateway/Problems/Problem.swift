import AWS
import Consumer
import Gzip
import HTTP
import HTTPServer
import Kinesis
import Producer

/// Everything that a request can be answered with instead of what it asked for. `document` maps each case to its
/// answer, in one place and without a default. Indirect: every handler's frame has room for one.
package indirect enum Problem: Error, Sendable {
    /// The server refused the request before any route saw it.
    case refused(RefusedRequest)
    case origin(OriginPolicy.Refusal)
    /// Whoever asks may not do this.
    case access(AccessDenial)
    case unknownRoute(path: String)
    /// `adminListen` does not have it; `served` are the paths that it has.
    case notForAdminListener(path: String, served: [String])
    case methodNotAllowed(HTTPMethod, allowed: [HTTPMethod])
    /// What `accepted` offers is not among what the client takes.
    case notAcceptable(String, accepted: [String])
    /// `takesData`: whether a body of any other type, and with `raw=true` of this one, is a record's data.
    case unsupportedMediaType(String, accepted: [String], takesData: Bool)
    /// The value of Content-Encoding.
    case unsupportedContentCoding(String)
    case malformedURL(URLTextError, part: URLPart)
    case badStreamName(String)
    case option(ConsumerOptionError, accepted: [String])
    /// A put's option that its kind of body does not have; `type` is its Content-Type.
    case optionOfOtherBody(String, type: String?, accepted: [String])
    /// Two options that exclude each other.
    case conflictingOptions(String, with: String)
    /// A field of a small body.
    case field(BodyFieldError)
    case body(HTTPBodyError)
    case gzip(GzipError)
    /// A call of gRPC is not what it should be.
    case grpc(GRPCFault)
    /// `namesStream`: the route's body names the stream.
    case putBody(PutBodyError, namesStream: Bool)
    case put(PutError, stream: StreamName)
    /// A put was refused before its body was read.
    case putsWait(PutBacklog)
    /// The one record of a put failed for good, with the service's code.
    case record(code: String, message: String, stream: StreamName)
    case consumer(ConsumerError, stream: StreamName)
    /// What a reader is told while its stream goes on.
    case reader(ReaderProblem, stream: StreamName)
    case aws(AWSError, stream: StreamName)
    /// The process ends; of a body of lines the rest was not read.
    case draining
    /// The client takes no answers, and those of failed lines fill the memory that there is for them, in bytes.
    case tooManyFailures(limit: Int)

    package enum URLPart: String, Sendable {
        case path, query
    }
}
