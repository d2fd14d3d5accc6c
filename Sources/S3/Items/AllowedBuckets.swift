/// The buckets from which items are given out, whatever records point to: `s3.allowedBuckets`. Performs no I/O.
package struct AllowedBuckets: Equatable, Sendable, CustomStringConvertible {
    /// One of them, or all whose names begin so.
    package struct Pattern: Equatable, Sendable, CustomStringConvertible {
        package static let accepted = "the name of a bucket, the beginning of names with a * behind it, or * for all"

        private let text: String
        private let isPrefix: Bool

        package init?(_ text: String) {
            guard text.hasSuffix("*") else {
                guard BucketName(text) != nil else { return nil }
                self.text = text
                isPrefix = false
                return
            }
            self.text = String(text.dropLast())
            isPrefix = true
            guard self.text.utf8.count < 63, BucketName.hasNameBytes(self.text) else { return nil }
        }

        package init(_ bucket: BucketName) {
            text = bucket.text
            isPrefix = false
        }

        func matches(_ bucket: BucketName) -> Bool {
            isPrefix ? bucket.text.hasPrefix(text) : bucket.text == text
        }

        package var description: String { isPrefix ? text + "*" : text }
    }

    package static let any = AllowedBuckets([Pattern("*")!])

    private let patterns: [Pattern]

    package init(_ patterns: [Pattern]) {
        self.patterns = patterns
    }

    package func contains(_ bucket: BucketName) -> Bool {
        patterns.contains { $0.matches(bucket) }
    }

    package var description: String { patterns.map(\.description).joined(separator: ",") }
}
