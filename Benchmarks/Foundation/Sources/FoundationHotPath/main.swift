import Foundation

/// The same way as `HotPath measure`, with Foundation: JSONDecoder for the answer, Data for base64, JSONSerialization
/// for each payload and for the event.
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

func encode(_ bytes: Data, _ times: ISO8601DateFormatter) throws -> (records: Int, bytes: Int) {
    let answer = try JSONDecoder().decode(Answer.self, from: bytes)
    var count = 0
    // Events of as many records as 256 KiB of answer hold.
    let share = max(1, answer.Records.count * 256 * 1024 / max(bytes.count, 1))
    for start in stride(from: 0, to: answer.Records.count, by: share) {
        let records = answer.Records[start..<min(start + share, answer.Records.count)].map { record -> [String: Any] in
            let payload =
                (try? JSONSerialization.jsonObject(with: record.Data))
                ?? String(decoding: record.Data, as: UTF8.self)
            let arrival = Date(timeIntervalSince1970: record.ApproximateArrivalTimestamp)
            return [
                "sequenceNumber": record.SequenceNumber, "partitionKey": record.PartitionKey,
                "approximateArrivalTimestamp": times.string(from: arrival),
                "encryptionType": record.EncryptionType ?? "NONE", "data": payload,
            ]
        }
        let event: [String: Any] = [
            "streamName": "orders", "shardId": "shardId-000000000000",
            "millisBehindLatest": answer.MillisBehindLatest, "records": records,
        ]
        count += try JSONSerialization.data(withJSONObject: event).count
    }
    return (answer.Records.count, count)
}

guard CommandLine.arguments.count >= 2 else {
    FileHandle.standardError.write(Data("usage: FoundationHotPath FILE [SECONDS]\n".utf8))
    exit(64)
}
let bytes = try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]))
let seconds = CommandLine.arguments.count > 2 ? Double(CommandLine.arguments[2]) ?? 1 : 1
let times = ISO8601DateFormatter()
times.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
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
