import Bytes

/// The parts of a SigV4 Authorization header, as a service reads them. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html, step 5.
package struct AuthorizationHeader: Hashable, Sendable {
    package static let algorithm = "AWS4-HMAC-SHA256"

    package var accessKeyID: String
    package var scope: SignatureV4.Scope
    /// Lower case, in the order given.
    package var signedHeaders: [String]
    /// 32 bytes.
    package var signature: [UInt8]

    /// - Throws: `.incomplete` that names the part which is missing or malformed.
    package init(_ text: String) throws(SignatureError) {
        // As bytes: a text looks for the borders of its characters at every step.
        let bytes = Array(text.utf8)
        let algorithm = Self.algorithm.utf8
        guard bytes.starts(with: algorithm), bytes.dropFirst(algorithm.count).first == UInt8(ascii: " ") else {
            throw .incomplete(detail: "the algorithm must be \(Self.algorithm)")
        }
        let parts = Self.parts(bytes.dropFirst(algorithm.count))
        guard let credential = parts["Credential"] else { throw .incomplete(detail: "Credential is missing") }
        guard let headers = parts["SignedHeaders"], !headers.isEmpty else {
            throw .incomplete(detail: "SignedHeaders is missing")
        }
        guard let signature = parts["Signature"] else { throw .incomplete(detail: "Signature is missing") }
        (accessKeyID, scope) = try Self.credential(credential)
        signedHeaders = headers.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(Self.text)
        guard !signedHeaders.contains(where: { !Self.isHeaderName($0) }) else {
            throw .incomplete(detail: "SignedHeaders must be lower-case names with ; between them")
        }
        guard let bytes = Self.bytes(signature) else {
            throw .incomplete(detail: "Signature must be 64 hexadecimal digits")
        }
        self.signature = bytes
    }

    private static func parts(_ bytes: ArraySlice<UInt8>) -> [String: ArraySlice<UInt8>] {
        var parts: [String: ArraySlice<UInt8>] = [:]
        for part in bytes.split(separator: UInt8(ascii: ",")) {
            let trimmed = part.drop(while: isBlank)
            let name = trimmed.prefix { $0 != UInt8(ascii: "=") }
            var value = trimmed[name.endIndex...].dropFirst()
            while let last = value.last, isBlank(last) { value.removeLast() }
            parts[text(name)] = value
        }
        return parts
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// `AKID/20260102/region/service/aws4_request`; a key id may have slashes of its own.
    private static func credential(_ bytes: ArraySlice<UInt8>) throws(SignatureError) -> (String, SignatureV4.Scope) {
        let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(text)
        guard parts.count >= 5, parts.last == "aws4_request" else {
            throw .incomplete(detail: "Credential must be key/date/region/service/aws4_request")
        }
        let tail = Array(parts.suffix(4))
        let key = parts.dropLast(4).joined(separator: "/")
        let isDay = tail[0].utf8.count == 8 && tail[0].utf8.allSatisfy(\.isDigit)
        guard !key.isEmpty, isDay, !tail[1].isEmpty, !tail[2].isEmpty else {
            throw .incomplete(detail: "Credential must be key/date/region/service/aws4_request")
        }
        return (key, SignatureV4.Scope(day: tail[0], region: tail[1], service: tail[2]))
    }

    private static func isHeaderName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 32 && $0 < 127 && !$0.isUppercase }
    }

    private static func bytes(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: digits.startIndex, to: digits.endIndex, by: 2) {
            guard let high = Hex.value(digits[index]), let low = Hex.value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
