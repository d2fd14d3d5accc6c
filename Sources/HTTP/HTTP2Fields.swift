import Bytes

/// The fields of an answer of HTTP/2, or those behind its body (RFC 9113, 8.2 and 8.3.2): names in lower case, none that is about the connection. Performs
/// no I/O.
package struct HTTP2Fields {
    /// All names and values, one behind the other.
    package let bytes = ByteBuffer(capacity: 256)
    /// Where each name and its value lie in `bytes`.
    package private(set) var fields: [(name: Range<Int>, value: Range<Int>)] = []

    /// - Parameter length: of the body, where it is known.
    package init(_ status: HTTPStatus, _ headers: HTTPHeaders, length: Int?, date: String) {
        fields.reserveCapacity(headers.count + 3)
        add(":status", status.rawValue)
        add("date", date)
        for field in headers { add(field.name, field.value) }
        if let length { add("content-length", length) }
    }

    /// Those behind the body (RFC 9113, 8.1).
    package init(trailers: HTTPHeaders) {
        for field in trailers { add(field.name, field.value) }
    }

    private mutating func add(_ name: StaticString, _ number: Int) {
        let start = bytes.count
        bytes.append(name)
        let middle = bytes.count
        bytes.append(decimal: number)
        fields.append((start..<middle, middle..<bytes.count))
    }

    /// Bytes that no field may have become spaces, as in HTTP/1.1.
    private mutating func add(_ name: String, _ value: String) {
        let start = bytes.count
        bytes.append(name)
        lowerName(from: start)
        let middle = bytes.count
        bytes.append(value)
        var bad = ASCII.endOfText(bytes.bytes, from: middle)
        while bad < bytes.count {
            bytes.base[bad] = ASCII.space
            bad = ASCII.endOfText(bytes.bytes, from: bad + 1)
        }
        fields.append((start..<middle, middle..<bytes.count))
    }

    /// What no name may have is left out.
    private func lowerName(from start: Int) {
        var end = start
        for at in start..<bytes.count where ASCII.isToken(bytes.base[at]) {
            bytes.base[end] = ASCII.lower(bytes.base[at])
            end += 1
        }
        bytes.truncate(to: end)
    }
}
