import AWS
import Consumer
import Gzip
import HTTP
import HTTPServer
import JSON
import Kinesis
import Producer

extension Problem {
    /// The one place that turns what went wrong into an answer.
    package var document: ProblemDocument {
        switch self {
        case .refused(let request):
            ProblemDocument(ProblemCode(rawValue: request.code) ?? .malformedRequest, request.detail)
        case .origin(let refusal): refusal.document
        case .access(let denial): denial.document
        case .unknownRoute(let path):
            ProblemDocument(.unknownRoute, "There is no route \(path); /openapi.yaml lists what there is.")
        case .notForAdminListener(let path, let served):
            ProblemDocument(.unknownRoute, "adminListen does not serve \(path), but \(Self.list(served)).")
                .with("accepted", .strings(served))
        case .methodNotAllowed(let method, let allowed):
            Self.methodNotAllowed(method, allowed.map(\.text))
        case .notAcceptable(let accept, let accepted):
            ProblemDocument(.notAcceptable, "Accept is \"\(accept)\"; this route answers with \(Self.list(accepted)).")
                .with("accepted", .strings(accepted))
        case .unsupportedMediaType(let type, let accepted, let takesData): Self.mediaType(type, accepted, takesData)
        case .unsupportedContentCoding(let coding):
            ProblemDocument(
                .unsupportedContentCoding, "Content-Encoding is \"\(coding)\"; taken is gzip, once, or none."
            )
            .with("accepted", .strings([ContentCoding.accepted])).header("Accept-Encoding", ContentCoding.accepted)
        case .malformedURL(let error, let part): error.document(part)
        case .badStreamName(let name):
            ProblemDocument(.badStreamName, "\"\(name)\" is not \(Self.streamName).").with("field", "streamName")
        case .option(let error, let accepted): error.document(accepted)
        case .optionOfOtherBody(let option, let type, let accepted): Self.otherBody(option, type, accepted)
        case .conflictingOptions(let option, let other):
            ProblemDocument(.conflictingOptions, "The options \(option) and \(other) exclude each other.")
                .with("option", .string(option))
        case .field(let error): error.document
        case .body(let error): error.document
        case .gzip(let error): error.document
        case .grpc(let fault): fault.document
        case .putBody(let error, let namesStream): error.document(namesStream: namesStream)
        case .put(let error, let stream): error.document(stream)
        case .putsWait(let backlog): backlog.document
        case .record(let code, let message, let stream): Self.record(code, message, stream)
        case .consumer(let error, let stream): error.document(stream)
        case .reader(let problem, let stream): problem.document(stream)
        case .aws(let error, let stream): error.document(stream)
        case .draining: Self.ending
        case .tooManyFailures(let limit):
            ProblemDocument(
                .tooManyFailures,
                "Failures of \(limit) bytes wait to be read; the lines behind this one were not put. Read the answer "
                    + "while you send."
            )
            .with("limit", .int(limit))
        }
    }

    static let streamName =
        "a stream's name (1 to 128 characters of a-z, A-Z, 0-9, '_', '.' and '-') or ARN "
        + "(arn:aws:kinesis:REGION:ACCOUNT:stream/NAME)"

    static let ending = ProblemDocument(.draining, "The sidecar is ending and takes no new work; try again elsewhere.")
        .header("Retry-After", "1")

    static func list(_ words: [String]) -> String {
        words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " and " + (words.last ?? "")
    }

    private static func mediaType(_ type: String, _ accepted: [String], _ takesData: Bool) -> ProblemDocument {
        let others =
            takesData ? " Any other type but multipart is a record's data, and with ?raw=true this one is." : ""
        return ProblemDocument(
            .unsupportedMediaType,
            "Content-Type is \"\(type)\"; taken are \(list(accepted)), or none." + others
        )
        .with("accepted", .strings(accepted)).header("Accept", accepted.joined(separator: ", "))
    }

    private static func otherBody(_ option: String, _ type: String?, _ accepted: [String]) -> ProblemDocument {
        let whose =
            option == "results"
            ? "a body of lines (Content-Type: application/x-ndjson)"
            : "a body that is the data itself, such as Content-Type: application/octet-stream or any with raw=true"
        let met = type.map { "this one's Content-Type is \($0)" } ?? "this one has no Content-Type"
        return ProblemDocument(
            .unknownOption,
            "The option \(option) belongs to \(whose); \(met). Accepted with it: \(list(accepted))."
        )
        .with("option", .string(option)).with("accepted", .strings(accepted))
    }

    private static func methodNotAllowed(_ method: HTTPMethod, _ allowed: [String]) -> ProblemDocument {
        ProblemDocument(.methodNotAllowed, "\(method.text) is not a method of this route; \(list(allowed)) are.")
            .with("accepted", .strings(allowed)).header("Allow", allowed.joined(separator: ", "))
    }

    /// A record's own failure is answered as a failed call with that code would be.
    private static func record(_ code: String, _ message: String, _ stream: StreamName) -> ProblemDocument {
        AWSError.service(ServiceError(code: code, message: message, status: 400)).document(stream)
    }
}

// MARK: - The request

extension OriginPolicy.Refusal {
    fileprivate var document: ProblemDocument {
        switch self {
        case .foreignHost: ProblemDocument(.foreignHost, description)
        case .foreignOrigin, .foreignSite: ProblemDocument(.foreignOrigin, description)
        }
    }
}

extension URLTextError {
    fileprivate func document(_ part: Problem.URLPart) -> ProblemDocument {
        switch self {
        case .badEscape(let offset):
            ProblemDocument(
                .malformedURL, "In the \(part.rawValue), the percent sign at byte \(offset) begins no escape.")
        case .notUTF8(let offset):
            ProblemDocument(.malformedURL, "In the \(part.rawValue), what begins at byte \(offset) is not UTF-8.")
        }
    }
}

extension ConsumerOptionError {
    fileprivate func document(_ accepted: [String]) -> ProblemDocument {
        let known = accepted.isEmpty ? "This route has no options." : "Accepted here: \(Problem.list(accepted))."
        return switch self {
        case .unknown(let option):
            ProblemDocument(.unknownOption, "There is no option \"\(option)\"\(hint(option, accepted)) \(known)")
                .with("option", .string(option)).with("accepted", .strings(accepted))
        case .elsewhere(let option, let place):
            ProblemDocument(.unknownOption, "\(option) is no option here: \(place). \(known)")
                .with("option", .string(option)).with("accepted", .strings(accepted))
        case .repeated(let option):
            ProblemDocument(.repeatedOption, "The option \(option) is given twice.").with("option", .string(option))
        case .badValue(let option, let value, let accepted):
            ProblemDocument(.badOption, "The option \(option) is \"\(value)\"; accepted: \(accepted).")
                .with("option", .string(option)).with("accepted", .string(accepted))
        case .incomplete(let option, let needs):
            ProblemDocument(.badOption, "The option \(option) as it is given needs \(needs) beside it.")
                .with("option", .string(option)).with("accepted", .string("\(option) together with \(needs)"))
        case .configurationOnly(let option):
            ProblemDocument(.configurationOnlyOption, "The option \(option) is taken from the configuration only.")
                .with("option", .string(option))
        }
    }

    private func hint(_ option: String, _ accepted: [String]) -> String {
        let suggestion = NearestName.suggestion(for: option, among: accepted)
        return suggestion.isEmpty ? "." : suggestion
    }
}

extension HTTPBodyError {
    fileprivate var document: ProblemDocument {
        switch self {
        case .tooLarge(let limit, let actual):
            ProblemDocument(
                .bodyTooLarge,
                "The body is \(actual.map { "\($0) bytes" } ?? "too long"); at most \(limit) bytes are taken."
            )
            .with("limit", .int(limit))
        case .tooMuchTogether(let limit):
            ProblemDocument(
                .tooManyBodies, "Bodies of more than \(limit) bytes together are being read; nothing was sent."
            )
            .with("limit", .int(limit)).header("Retry-After", "1")
        case .timedOut: ProblemDocument(.requestTimeout, "The body did not arrive in time.")
        case .truncated: ProblemDocument(.malformedRequest, "The body stops before its end.")
        case .malformed(let error):
            ProblemDocument(ProblemCode(rawValue: error.code) ?? .malformedRequest, error.detail)
        case .abandoned: ProblemDocument(.malformedRequest, "The rest of the body was not read.")
        case .connectionClosed: ProblemDocument(.malformedRequest, "The connection was closed.")
        }
    }
}

extension GzipError {
    fileprivate var document: ProblemDocument {
        switch self {
        case .truncated:
            ProblemDocument(.malformedGzip, "The body's Content-Encoding is gzip, and it stops before its end.")
        case .corrupt(let phrase):
            ProblemDocument(.malformedGzip, "The body's Content-Encoding is gzip, and it cannot be decoded: \(phrase).")
        }
    }
}
