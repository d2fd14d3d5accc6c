import Bytes

/// The name of a bucket, as it stands in paths and, where it may, in host names.
package struct BucketName: Hashable, Sendable, CustomStringConvertible {
    package static let accepted =
        "3 to 63 lower-case letters, digits, hyphens and dots, a letter or digit at both ends, no two dots together, no IP "
        + "address, nothing that begins with \(beginnings.joined(separator: ", ")) or ends with "
        + endings.joined(separator: ", ")

    /// Which S3 keeps for itself.
    private static let beginnings = ["xn--", "sthree-", "amzn-s3-demo-"]
    /// Which other things than buckets have: access points of Object Lambda and of several regions, directory and table
    /// buckets, which are asked in other ways. `-s3alias` is none of them: an access point's alias stands for its bucket.
    private static let endings = ["--ol-s3", ".mrap", "--x-s3", "--table-s3"]

    package let text: String

    /// Nil unless the text is what S3 takes for a bucket.
    /// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    package init?(_ text: String) {
        let bytes = text.utf8
        guard (3...63).contains(bytes.count), Self.hasNameBytes(text), let first = bytes.first, let last = bytes.last,
            first.isLowercase || first.isDigit, last.isLowercase || last.isDigit, !text.contains(".."),
            !Self.isFormattedAsIPAddress(text), !Self.beginnings.contains(where: text.hasPrefix),
            !Self.endings.contains(where: text.hasSuffix)
        else { return nil }
        self.text = text
    }

    package var description: String { text }

    /// The certificate of S3 is for one label before its own name.
    var hasDots: Bool { text.utf8.contains(UInt8(ascii: ".")) }

    /// Whether the text has only what a name may have.
    static func hasNameBytes(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0.isLowercase || $0.isDigit || "-.".utf8.contains($0) }
    }

    /// Four numbers with dots between them.
    private static func isFormattedAsIPAddress(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(\.isDigit) }
    }
}
