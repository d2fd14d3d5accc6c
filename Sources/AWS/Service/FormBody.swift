import Bytes

/// The body of a request of the query protocol: which operation, and its input as names and values. Performs no I/O.
///
/// Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
package struct FormBody {
    package let buffer = ByteBuffer()

    package init(action: String, version: String) {
        append("Action", action)
        append("Version", version)
    }

    package mutating func append(_ name: String, _ value: String) {
        if !buffer.isEmpty { buffer.append(UInt8(ascii: "&")) }
        URIEncoding.append(name.utf8, to: buffer)
        buffer.append(UInt8(ascii: "="))
        URIEncoding.append(value.utf8, to: buffer)
    }
}
