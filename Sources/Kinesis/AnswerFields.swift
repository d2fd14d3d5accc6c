import JSON
import Time

/// Reads the members that an answer must have, and names the path of the first that is wrong.
struct AnswerFields {
    let json: JSONValue
    let path: String

    init(_ json: JSONValue, path: String = "") {
        self.json = json
        self.path = path
    }

    /// A member that is null counts as absent.
    func optional(_ key: String) -> JSONValue? {
        json[key].flatMap { $0.isNull ? nil : $0 }
    }

    func fields(_ key: String) throws(KinesisAnswerError) -> AnswerFields {
        guard let value = optional(key), value.object != nil else { throw bad(key) }
        return AnswerFields(value, path: name(key))
    }

    /// A list's elements; a missing list is empty, as the service leaves empty ones out.
    func list(_ key: String) throws(KinesisAnswerError) -> [AnswerFields] {
        guard let value = optional(key) else { return [] }
        guard let elements = value.array else { throw bad(key) }
        return elements.enumerated().map { AnswerFields($1, path: "\(name(key))[\($0)]") }
    }

    func string(_ key: String) throws(KinesisAnswerError) -> String {
        try required(key, optionalString(key))
    }

    func optionalString(_ key: String) throws(KinesisAnswerError) -> String? {
        guard let value = optional(key) else { return nil }
        return try required(key, value.string)
    }

    func int(_ key: String) throws(KinesisAnswerError) -> Int {
        try required(key, optional(key)?.int)
    }

    /// Seconds since the epoch with a fraction.
    func time(_ key: String) throws(KinesisAnswerError) -> WallTime {
        let seconds = try required(key, optional(key)?.double)
        guard seconds.magnitude < 1e12 else { throw bad(key) }
        return WallTime(seconds: seconds)
    }

    func shardID(_ key: String) throws(KinesisAnswerError) -> ShardID {
        try required(key, ShardID(string(key)))
    }

    func optionalShardID(_ key: String) throws(KinesisAnswerError) -> ShardID? {
        guard let text = try optionalString(key) else { return nil }
        return try required(key, ShardID(text))
    }

    func sequenceNumber(_ key: String) throws(KinesisAnswerError) -> SequenceNumber {
        try required(key, SequenceNumber(string(key)))
    }

    func hashKeyRange(_ key: String) throws(KinesisAnswerError) -> HashKeyRange {
        let range = try fields(key)
        let start = try range.required("StartingHashKey", HashKey(range.string("StartingHashKey")))
        let end = try range.required("EndingHashKey", HashKey(range.string("EndingHashKey")))
        return try required(key, HashKeyRange(start: start, end: end))
    }

    func required<Value>(_ key: String, _ value: Value?) throws(KinesisAnswerError) -> Value {
        guard let value else { throw bad(key) }
        return value
    }

    func bad(_ key: String) -> KinesisAnswerError {
        .badField(name(key))
    }

    private func name(_ key: String) -> String {
        path.isEmpty ? key : path + "." + key
    }
}
