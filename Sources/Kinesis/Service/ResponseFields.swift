import AWS
import JSON
import Time

/// Reads the members that a response must have, and names the path of the first that is wrong.
struct ResponseFields {
    let json: JSONValue
    let path: String

    init(_ json: JSONValue, path: String = "") {
        self.json = json
        self.path = path
    }

    /// A member that is null counts as absent.
    func optional(_ key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    func fields(_ key: String) throws(ResponseError) -> ResponseFields {
        guard let value = optional(key), value.object != nil else { throw bad(key) }
        return ResponseFields(value, path: name(key))
    }

    /// A list's elements; a missing list is empty, as the service leaves empty ones out.
    func list(_ key: String) throws(ResponseError) -> [ResponseFields] {
        guard let value = optional(key) else { return [] }
        guard let elements = value.array else { throw bad(key) }
        return elements.enumerated().map { ResponseFields($1, path: "\(name(key))[\($0)]") }
    }

    func string(_ key: String) throws(ResponseError) -> String {
        try required(key, optionalString(key))
    }

    func optionalString(_ key: String) throws(ResponseError) -> String? {
        guard let value = optional(key) else { return nil }
        return try required(key, value.string)
    }

    func int(_ key: String) throws(ResponseError) -> Int {
        try required(key, optional(key)?.int)
    }

    /// Seconds since the epoch with a fraction.
    func time(_ key: String) throws(ResponseError) -> WallTime {
        let seconds = try required(key, optional(key)?.double)
        guard seconds.magnitude < 1e12 else { throw bad(key) }
        return WallTime(seconds: seconds)
    }

    func shardID(_ key: String) throws(ResponseError) -> ShardID {
        try required(key, ShardID(string(key)))
    }

    func optionalShardID(_ key: String) throws(ResponseError) -> ShardID? {
        guard let text = try optionalString(key) else { return nil }
        return try required(key, ShardID(text))
    }

    func sequenceNumber(_ key: String) throws(ResponseError) -> SequenceNumber {
        try required(key, SequenceNumber(string(key)))
    }

    func hashKeyRange(_ key: String) throws(ResponseError) -> HashKeyRange {
        let range = try fields(key)
        let start = try range.required("StartingHashKey", HashKey(range.string("StartingHashKey")))
        let end = try range.required("EndingHashKey", HashKey(range.string("EndingHashKey")))
        return try required(key, HashKeyRange(start: start, end: end))
    }

    func required<Value>(_ key: String, _ value: Value?) throws(ResponseError) -> Value {
        guard let value else { throw bad(key) }
        return value
    }

    func bad(_ key: String) -> ResponseError {
        .badField(name(key))
    }

    private func name(_ key: String) -> String {
        path.isEmpty ? key : path + "." + key
    }
}
