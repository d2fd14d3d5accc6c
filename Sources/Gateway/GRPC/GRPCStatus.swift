import Bytes
import HTTP
import JSON
import Protobuf

/// How a call ends: the fields behind its messages. Made of the same problems as the answers of HTTP. Performs no I/O.
struct GRPCStatus {
    private static let domain = "kinesis-sidecar"
    private static let errorInfo = "type.googleapis.com/google.rpc.ErrorInfo"
    /// Bytes that a text takes here at most, since clients take 8 KiB of fields; the rest is cut off.
    private static let longestText = 1024

    /// The fields where all is well: made once, since every put has them.
    static let ok: HTTPHeaders = ["grpc-status": "0"]

    /// nil: all is well.
    let problem: ProblemDocument?

    var code: GRPCCode { problem?.code.grpcCode ?? .ok }

    /// grpc-status, grpc-message and grpc-status-details-bin.
    var trailers: HTTPHeaders {
        guard let problem else { return Self.ok }
        var fields: HTTPHeaders = ["grpc-status": String(code.rawValue)]
        let message = Self.cut(problem.detail)
        fields.add("grpc-message", Self.percentEncoded(message))
        fields.add("grpc-status-details-bin", Self.details(problem, message, code))
        return fields
    }

    /// google.rpc.Status with one google.rpc.ErrorInfo, in base64.
    private static func details(_ problem: ProblemDocument, _ message: String, _ code: GRPCCode) -> String {
        let status = ProtobufWriter(ByteBuffer(capacity: 256))
        status.int(1, code.rawValue)
        status.text(2, message)
        status.message(3) { any in
            any.text(1, errorInfo)
            any.message(2) { info in
                info.text(1, problem.code.rawValue)
                info.text(2, domain)
                for (name, value) in problem.metadata { info.entry(3, name, cut(value)) }
            }
        }
        let text = unsafe Base64.encode(status.buffer.bytes)
        return String(text.prefix { $0 != "=" })
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > longestText else { return text }
        return String(decoding: text.utf8.prefix(longestText), as: UTF8.self) + "…"
    }

    /// Source: PROTOCOL-HTTP2.md, "Status-Message".
    static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if (0x20...0x7e).contains(byte), byte != UInt8(ascii: "%") {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                encoded += "%" + Hex.encode(CollectionOfOne(byte)).uppercased()
            }
        }
        return encoded
    }
}

extension ProblemDocument {
    /// The members beside code and sentences, each as a text: one as it is, anything else as JSON.
    var metadata: [(name: String, value: String)] {
        var all = members.map { member in
            if let text = member.value.string { return (member.key, text) }
            var json = JSONWriter()
            json.value(member.value)
            return (member.key, json.buffer.text)
        }
        if let pause = headers.first(where: { $0.0 == "Retry-After" })?.1 { all.append(("retryAfter", pause)) }
        return all
    }

    /// The message `Problem`.
    func write(_ writer: ProtobufWriter) {
        writer.text(1, "urn:kinesis-sidecar:problem:" + code.rawValue)
        writer.text(2, code.title)
        writer.int(3, code.status.rawValue)
        writer.text(4, detail)
        writer.text(5, code.rawValue)
        for (name, value) in metadata { writer.entry(6, name, value) }
    }
}

extension ProtobufWriter {
    /// An entry of a map of texts.
    func entry(_ field: Int, _ key: String, _ value: String) {
        message(field) { entry in
            entry.text(1, key)
            entry.text(2, value)
        }
    }
}
