import AWS
import JSON
import Time

/// Why a command ends with code 1: what the one line on standard error says.
package enum ClientError: Error, Equatable, Sendable {
    /// The command line, or a variable, is wrong.
    case usage(String)
    /// No whole response came from there.
    case transport(TransportError, SidecarAddress)
    /// An answer that is no success: problem+json, or what came in its place.
    case refused(Refusal)
    /// The answer is not what the HTTP interface promises.
    case unexpected(String, SidecarAddress)
    /// Anything else, as a sentence.
    case failed(String)

    package struct Refusal: Equatable, Sendable {
        var status: Int
        var title: String
        var detail: String
        var code: String
    }
}

extension ClientError.Refusal {
    /// Reads problem+json (RFC 9457); of anything else the status and its first line.
    init(status: Int, body: String) {
        let problem = try? JSONParser.parse(body)
        self.init(
            status: status, title: problem?["title"]?.string ?? "status \(status)",
            detail: problem.map { $0["detail"]?.string ?? "" } ?? String(body.prefix { $0 != "\n" }.prefix(200)),
            code: problem?["code"]?.string ?? "")
    }
}

extension ClientError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .usage(let text), .failed(let text): text
        case .transport(let error, let address): Self.text(error, address)
        case .refused(let refusal): Self.text(refusal)
        case .unexpected(let what, let address):
            "\(address) answers \(what): is it a kinesis-sidecar? --url names another"
        }
    }

    private static func text(_ error: TransportError, _ address: SidecarAddress) -> String {
        switch error {
        case .notConnected(let reason):
            "nothing answers at \(address) (\(Self.cause(reason))): is the sidecar running? --url names another"
        case .nameNotResolved(let host): "\(address): the name \(host) cannot be resolved; --url names another address"
        case .timedOut(_, let after):
            "\(address) does not answer within \(PrintableText.time(milliseconds: Int(after.wholeMilliseconds)))"
        case .tls(let reason):
            "TLS with \(address) fails: \(reason); --ca-file names the PEM file of who signed its certificate"
        default: "\(address): \(error)"
        }
    }

    /// libcurl's words without the address, which stands before them.
    private static func cause(_ reason: String) -> String {
        // The system's own come last, behind a colon.
        guard let colon = reason.lastIndex(of: ":") else { return reason }
        let cause = reason[reason.index(after: colon)...].drop { $0 == " " }
        return cause.prefix(1).lowercased() + cause.dropFirst()
    }

    private static func text(_ refusal: Refusal) -> String {
        let detail = refusal.detail.isEmpty ? "" : ": \(refusal.detail)"
        let hint = refusal.status == 401 ? " (KINESIS_SIDECAR_TOKEN has the token)" : ""
        return "\(refusal.title)\(detail)\(hint)"
    }
}
