/// The formats of a request and of its answer: the same members, written in two ways. The raw values are the option's texts.
package enum WireFormat: String, CaseIterable, Sendable {
    /// Blobs are base64, times seconds with a fraction.
    case json
    /// Blobs are byte strings, times tag 1 with whole milliseconds. Java's SDK speaks it unless it is told not to.
    case cbor

    /// Nil for a content type that the service does not take; parameters are cut off already.
    package init?(contentType: String) {
        switch contentType {
        case Self.json.contentType, "application/json": self = .json
        case Self.cbor.contentType: self = .cbor
        default: return nil
        }
    }

    /// Of a request, and of its answer.
    package var contentType: String {
        switch self {
        case .json: "application/x-amz-json-1.1"
        case .cbor: "application/x-amz-cbor-1.1"
        }
    }
}
