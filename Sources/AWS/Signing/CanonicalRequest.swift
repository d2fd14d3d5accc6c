import Bytes

/// The one text that signer and service both make of a request. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html, step 1.
package struct CanonicalRequest {
    /// Upper case.
    package var method: String
    /// As it is sent.
    package var path: String
    /// As it is sent, without the question mark.
    package var query: String?
    /// Only what is signed. Names in any case; several of one name are joined in their order.
    package var headers: [(name: String, value: String)]
    package var bodyHash: SHA256Value
    /// Removes `.`, `..` and empty segments; off for S3, whose keys may have them.
    package var normalizesPath: Bool
    /// Encodes the path once more, which is what every service but S3 does.
    package var encodesPath: Bool

    package init(
        method: String, path: String, query: String? = nil, headers: [(name: String, value: String)],
        bodyHash: SHA256Value, normalizesPath: Bool = true, encodesPath: Bool = true
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.bodyHash = bodyHash
        self.normalizesPath = normalizesPath
        self.encodesPath = encodesPath
    }

    /// Appends the canonical request to `text` and the list of signed headers, `a;b`, to `names`.
    package func write(to text: ByteBuffer, signedHeaders names: ByteBuffer) {
        text.append(method)
        text.append(UInt8(ascii: "\n"))
        writePath(to: text)
        text.append(UInt8(ascii: "\n"))
        if let query, !query.isEmpty { Self.write(query: query, to: text) }
        text.append(UInt8(ascii: "\n"))
        writeHeaders(to: text, names: names)
        text.append(UInt8(ascii: "\n"))
        text.append(names)
        text.append(UInt8(ascii: "\n"))
        text.appendHex(bodyHash)
    }

    // MARK: Path and query

    private func writePath(to text: ByteBuffer) {
        if path == "/" || path.isEmpty { return text.append(UInt8(ascii: "/")) }
        let path = normalizesPath ? Self.normalized(path) : path
        if encodesPath { URIEncoding.append(path.utf8, to: text, keepsSlash: true) } else { text.append(path) }
    }

    /// RFC 3986, 5.2.4 (remove_dot_segments), and no empty segments; a slash at the end stays.
    static func normalized(_ path: String) -> String {
        var kept: [Substring] = []
        let segments = path.split(separator: "/", omittingEmptySubsequences: true)
        for segment in segments where segment != "." {
            if segment == ".." { _ = kept.popLast() } else { kept.append(segment) }
        }
        let joined = "/" + kept.joined(separator: "/")
        let endsInDirectory = path.hasSuffix("/") || segments.last == "." || segments.last == ".."
        return endsInDirectory && !kept.isEmpty ? joined + "/" : joined
    }

    private static func write(query: String, to text: ByteBuffer) {
        let pairs = query.split(separator: "&").map { pair in
            let name = pair.prefix { $0 != "=" }
            let value = pair[name.endIndex...].dropFirst()
            return (encoded(name), encoded(value))
        }
        var isFirst = true
        for (name, value) in pairs.sorted(by: { $0 < $1 }) {
            if !isFirst { text.append(UInt8(ascii: "&")) }
            isFirst = false
            text.append(name)
            text.append(UInt8(ascii: "="))
            text.append(value)
        }
    }

    /// Decoded first, so that `é` and `%C3%A9` in a URL are the same parameter.
    private static func encoded(_ text: Substring) -> String {
        let buffer = ByteBuffer(capacity: text.utf8.count)
        URIEncoding.append(URIEncoding.decode(text.utf8), to: buffer)
        return buffer.text
    }

    // MARK: Headers

    private func writeHeaders(to text: ByteBuffer, names: ByteBuffer) {
        let sorted = sortedHeaders()
        var previous: String?
        for (name, value) in sorted {
            if name == previous {
                text.append(UInt8(ascii: ","))
            } else {
                if previous != nil {
                    text.append(UInt8(ascii: "\n"))
                    names.append(UInt8(ascii: ";"))
                }
                names.append(name)
                text.append(name)
                text.append(UInt8(ascii: ":"))
                previous = name
            }
            Self.write(value: value, to: text)
        }
        if previous != nil { text.append(UInt8(ascii: "\n")) }
    }

    /// Lower-case names in byte order; those of one name stay as they came. Already so for our own requests.
    private func sortedHeaders() -> [(name: String, value: String)] {
        var lowered = headers
        for index in lowered.indices where lowered[index].name.utf8.contains(where: \.isUppercase) {
            lowered[index].name = lowered[index].name.lowercased()
        }
        let isSorted = zip(lowered, lowered.dropFirst()).allSatisfy { $0.name <= $1.name }
        if isSorted { return lowered }
        let order = lowered.indices.sorted { left, right in
            (lowered[left].name, left) < (lowered[right].name, right)
        }
        return order.map { lowered[$0] }
    }

    /// Without white space at the ends, and one space for each run of it inside (folded lines too).
    private static func write(value: String, to text: ByteBuffer) {
        var value = value
        value.withUTF8 { bytes in
            guard bytes.contains(where: { $0 <= 32 }) else { return text.append(UnsafeRawBufferPointer(bytes)) }
            var needsSpace = false
            var isEmpty = true
            for byte in bytes {
                if byte == 32 || (9...13).contains(byte) {
                    needsSpace = true
                    continue
                }
                if needsSpace, !isEmpty { text.append(UInt8(ascii: " ")) }
                needsSpace = false
                isEmpty = false
                text.append(byte)
            }
        }
    }
}

extension ByteBuffer {
    /// 64 lower-case hexadecimal digits.
    func appendHex(_ value: SHA256Value) {
        reserve(2 * SHA256Value.byteCount)
        value.withBytes { Hex.write($0, to: base + count) }
        setCount(count + 2 * SHA256Value.byteCount)
    }
}
