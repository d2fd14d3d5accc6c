import Bytes

/// One request for the transport, complete with every header that it sends beside Host and Content-Length.
package struct TransportRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"

        /// Whether a request has a body; where none is given it is sent with a length of 0.
        var hasBody: Bool { self == .post || self == .put }
    }

    package var method: Method
    package var endpoint: Endpoint
    /// Percent-encoded, the endpoint's own path included.
    package var path: String
    /// Percent-encoded, without the question mark.
    package var query: String?
    package var headers: [(name: String, value: String)]
    /// Not written to by anybody until the response is there.
    /// Only of methods that have one.
    package var body: ByteBuffer?
    /// For all of it, from now to the response's last byte.
    package var timeout: Duration
    /// The largest body that is taken as a response, bytes. GetRecords answers 10 MiB of data at most, which base64 and
    /// JSON make 16 MiB.
    package var responseLimit: Int
    /// Asked, on the loop, before room is made for a response's body: whether so many bytes are taken. False ends the
    /// request with `.cancelled`. Of a body whose length nobody has said it is asked again as the body grows.
    package var acceptsResponse: (@Sendable (_ bytes: Int) -> Bool)?
    /// Whether it may be sent once more, unheard, when a connection that was kept ends before the response's first byte. Not
    /// what is acted on twice then: it ends with `.cut` instead.
    package var isRepeatable = true

    package static let defaultResponseLimit = 32 * 1024 * 1024

    package init(
        method: Method = .post, endpoint: Endpoint, headers: [(name: String, value: String)] = [],
        body: ByteBuffer? = nil, timeout: Duration, responseLimit: Int = TransportRequest.defaultResponseLimit
    ) {
        self.method = method
        self.endpoint = endpoint
        path = endpoint.path
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.responseLimit = responseLimit
    }
}

/// What a response begins with.
package struct TransportHead: Sendable {
    package var status: Int
    package var headers: TransportHeaders

    package var isSuccess: Bool { (200...299).contains(status) }
}

/// A response: any status that the server sent, with its whole body.
package struct TransportResponse: Sendable {
    package var head: TransportHead
    package var body: ByteBuffer

    package var status: Int { head.status }
    package var headers: TransportHeaders { head.headers }
}

/// What a request for a stream has come to.
package enum TransportOpening {
    case stream(ResponseStream)
    /// Any status but a success.
    case response(TransportResponse)
}

/// The header lines of a response as they came; a name is looked for only when somebody asks.
package struct TransportHeaders: Sendable {
    /// Lines with their line ends, of the final response only.
    let lines: ByteBuffer

    /// The first value under `name`, which is compared without regard to case; without the spaces around it.
    package func first(_ name: StaticString) -> String? {
        let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        for line in lines.bytes.split(separator: UInt8(ascii: "\n")) {
            let found = line.prefix(wanted.count)
            guard line.count > wanted.count, line[found.endIndex] == UInt8(ascii: ":"),
                found.elementsEqual(wanted, by: { Self.lower($0) == Self.lower($1) })
            else { continue }
            var value = line[(found.endIndex + 1)...].drop(while: Self.isSpace)
            while let last = value.last, Self.isSpace(last) { value.removeLast() }
            return String(decoding: value, as: UTF8.self)
        }
        return nil
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        byte.isUppercase ? byte | 0x20 : byte
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 32 || byte == 9 || byte == 13
    }
}
