import Bytes
import CBOR
import JSON

extension ServiceError {
    /// The largest body that is looked into for a code, bytes. DynamoDB puts an item, of 400 KB as it counts, into the error of
    /// a failed condition, and JSON writes a null of one byte as thirteen.
    static let bodyLimit = 8 * 1024 * 1024
    /// Characters that a body which is not of the protocol gives to the message.
    static let excerptLength = 200

    /// Reads the error of a request in JSON, or in CBOR, which has the same members: a response whose status is no success, whoever wrote it: the service, or a proxy with a page of its own.
    ///
    /// The code stands in `x-amzn-errortype` or in the body's `__type` or `code`, with or without a namespace before
    /// (`ns#Code`) and a URL behind (`Code:http://…`); without one the status is the code.
    /// Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html, "Operation error serialization"
    /// - Parameter expectedCodes: as in `AWSRequest`.
    init(json response: AWSResponse, expectedCodes: [String] = []) {
        let body = Self.object(response.body)
        let named =
            body?["__type"]?.string ?? response.headers.first("x-amzn-errortype") ?? body?["code"]?.string ?? ""
        let code = Self.plainCode(named)
        self.init(
            code: code.isEmpty ? "HTTP\(response.status)" : code,
            message: body.map(Self.message) ?? Self.excerpt(of: response.body),
            status: response.status,
            requestID: response.requestID,
            date: response.date)
        isCBOR = body != nil && !Self.isText(response.body)
        if expectedCodes.contains(self.code) { self.body = body }
    }

    private static func object(_ body: ByteBuffer) -> JSONValue? {
        guard body.count <= bodyLimit, !body.isEmpty else { return nil }
        let value = isText(body) ? try? JSONParser.parse(body) : (try? CBORValue(body)).map { JSONValue($0) }
        return value?.object == nil ? nil : value
    }

    /// No map of CBOR begins as a text of JSON does.
    private static func isText(_ body: ByteBuffer) -> Bool { body.isEmpty || body[0] < 0x80 }

    private static func message(_ body: JSONValue) -> String {
        body["message"]?.string ?? body["Message"]?.string ?? body["errorMessage"]?.string ?? ""
    }

    private static func plainCode(_ text: String) -> String {
        let withoutURL = text.prefix { $0 != ":" }
        return String(withoutURL.split(separator: "#").last ?? "")
    }

    /// The start of a body that is not what the protocol has, on one line.
    static func excerpt(of body: ByteBuffer) -> String {
        let start = String(decoding: body.bytes.prefix(excerptLength * 4), as: UTF8.self)
        let words = start.split { $0.isWhitespace || $0.isNewline }
        return String(words.joined(separator: " ").prefix(excerptLength))
    }
}
