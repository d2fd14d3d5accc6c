import Bytes

/// The name of a bucket, as it stands in paths and, where it may, in host names.
package struct BucketName: Hashable, Sendable, CustomStringConvertible {
    package static let accepted = "3 to 63 lower-case letters, digits, hyphens and dots, a letter or digit at both ends"

    package let text: String

    /// Nil unless the text is what S3 takes for a new bucket.
    /// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    package init?(_ text: String) {
        let bytes = text.utf8
        let isAllowed = bytes.allSatisfy { $0.isLowercase || $0.isDigit || "-.".utf8.contains($0) }
        guard (3...63).contains(bytes.count), isAllowed, let first = bytes.first, let last = bytes.last,
            first.isLowercase || first.isDigit, last.isLowercase || last.isDigit, !text.contains("..")
        else { return nil }
        self.text = text
    }

    package var description: String { text }

    /// The certificate of S3 is for one label before its own name.
    var hasDots: Bool { text.utf8.contains(UInt8(ascii: ".")) }
}
