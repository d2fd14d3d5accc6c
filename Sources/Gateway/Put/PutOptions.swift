import Consumer
import HTTP
import Kinesis

/// The options of a put, which stand in its query. Performs no I/O.
struct PutOptions: Equatable, Sendable {
    let kind: PutBodyKind
    /// With a body that is the data itself only; the envelope says it in the body.
    var partitionKey: String?
    var explicitHashKey: HashKey?
    /// At most one record of a partition key is on its way.
    var isOrdered = false
    /// Of a body of lines: each is answered, not the failures alone.
    var showsAll = false

    /// - Parameters:
    ///   - type: the body's Content-Type, nil where the request has none.
    ///   - namesStream: whether the body names the stream, so that it cannot be the data itself.
    init(_ items: QueryItems, type: String?, namesStream: Bool) throws(Problem) {
        let isRaw = !namesStream && items.contains { $0.name == "raw" && OptionKind.truth($0.value) == true }
        guard let kind = PutBodyKind(type: type, isRaw: isRaw), !namesStream || kind != .data else {
            throw .unsupportedMediaType(
                type ?? "", accepted: PutBodyKind.envelopeTypes + PutBodyKind.linesTypes, takesData: !namesStream)
        }
        self.kind = kind
        guard !items.items.isEmpty else { return }
        let accepted = kind.options + (namesStream ? [] : ["raw"])
        var seen: Set<String> = []
        for item in items {
            guard accepted.contains(item.name) else {
                if PutBodyKind.allCases.contains(where: { $0.options.contains(item.name) }) {
                    throw .optionOfOtherBody(item.name, type: type, accepted: accepted)
                }
                throw .option(.unknown(option: item.name), accepted: accepted)
            }
            guard seen.insert(item.name).inserted else {
                throw .option(.repeated(option: item.name), accepted: accepted)
            }
            guard let expected = take(item) else { continue }
            throw .option(
                .badValue(option: item.name, value: item.value, accepted: expected), accepted: accepted)
        }
    }

    /// Takes an option, or says what is accepted.
    private mutating func take(_ item: QueryItems.Item) -> String? {
        switch item.name {
        case "partitionKey":
            let lengths = 1...PutRecordEntry.maximumPartitionKeyLength
            guard lengths.contains(item.value.unicodeScalars.count) else { return "1 to 256 characters" }
            partitionKey = item.value
        case "explicitHashKey":
            guard let key = HashKey(item.value) else { return "a decimal number below 2^128 without leading zeros" }
            explicitHashKey = key
        case "results":
            guard ["failures", "all"].contains(item.value) else { return "failures or all" }
            showsAll = item.value == "all"
        default:
            guard let isTrue = OptionKind.truth(item.value) else { return OptionKind.boolean.accepted }
            // `raw` is in the kind already.
            if item.name == "ordered" { isOrdered = isTrue }
        }
        return nil
    }
}
