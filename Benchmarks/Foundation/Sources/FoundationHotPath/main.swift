import Foundation

/// The same way as `HotPath measure`, with Foundation: JSONDecoder for the answer, Data for base64, JSONSerialization
/// for the check of each payload.
///
///     FoundationHotPath FILE [SECONDS]       prints one JSON line with the figures
struct Answer: Decodable {
    struct Record: Decodable {
        let ApproximateArrivalTimestamp: Double
        let Data: Data
        let PartitionKey: String
        let SequenceNumber: String
        let EncryptionType: String?
    }
    let MillisBehindLatest: Int
    let Records: [Record]
}

/// As lean as Foundation allows: a payload that JSONSerialization can read is embedded as it is, not written again
/// (writing whole events through JSONSerialization measured a seventh of this at 200 bytes).
func encode(_ bytes: Data, _ times: Date.ISO8601FormatStyle) throws -> (records: Int, bytes: Int) {
    let answer = try JSONDecoder().decode(Answer.self, from: bytes)
    var count = 0
    // Events of as many records as 256 KiB of answer hold.
    let share = max(1, answer.Records.count * 256 * 1024 / max(bytes.count, 1))
    for start in stride(from: 0, to: answer.Records.count, by: share) {
        var event = Data()
        event.reserveCapacity(512 * 1024)
        event.append(contentsOf: "{\"streamName\":\"orders\",\"shardId\":\"shardId-000000000000\",".utf8)
        event.append(contentsOf: "\"millisBehindLatest\":\(answer.MillisBehindLatest),\"records\":[".utf8)
        for index in start..<min(start + share, answer.Records.count) {
            if index > start { event.append(UInt8(ascii: ",")) }
            try append(answer.Records[index], times, to: &event)
        }
        event.append(contentsOf: "]}".utf8)
        count += event.count
    }
    return (answer.Records.count, count)
}

func append(_ record: Answer.Record, _ times: Date.ISO8601FormatStyle, to event: inout Data) throws {
    event.append(contentsOf: "{\"sequenceNumber\":\"\(record.SequenceNumber)\",\"partitionKey\":".utf8)
    event.append(try JSONSerialization.data(withJSONObject: record.PartitionKey, options: .fragmentsAllowed))
    let arrival = times.format(Date(timeIntervalSince1970: record.ApproximateArrivalTimestamp))
    event.append(contentsOf: ",\"approximateArrivalTimestamp\":\"\(arrival)\",\"encryptionType\":\"".utf8)
    event.append(contentsOf: "\(record.EncryptionType ?? "NONE")\",\"data\":".utf8)
    if (try? JSONSerialization.jsonObject(with: record.Data)) != nil {
        event.append(record.Data)
    } else {
        let text = String(decoding: record.Data, as: UTF8.self)
        event.append(try JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed))
    }
    event.append(UInt8(ascii: "}"))
}

guard CommandLine.arguments.count >= 2 else {
    FileHandle.standardError.write(Data("usage: FoundationHotPath FILE [SECONDS]\n".utf8))
    exit(64)
}
let bytes = try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]))
let seconds = CommandLine.arguments.count > 2 ? Double(CommandLine.arguments[2]) ?? 1 : 1
let times = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
let clock = ContinuousClock()
let deadline = clock.now + .seconds(seconds)
var best = Double.infinity
var rounds = 0
var result = (records: 0, bytes: 0)
repeat {
    let start = clock.now
    result = try encode(bytes, times)
    best = min(best, (clock.now - start) / .seconds(1))
    rounds += 1
} while clock.now < deadline
let megabytes = (Double(bytes.count) / best / 1e5).rounded() / 10
print(
    "{\"program\":\"foundation\",\"answerBytes\":\(bytes.count),\"records\":\(result.records),"
        + "\"payloadBytes\":\(result.bytes),\"rounds\":\(rounds),\"answerMBPerSecond\":\(megabytes),"
        + "\"recordsPerSecond\":\(Int(Double(result.records) / best))}")
