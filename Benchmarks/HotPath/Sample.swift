import Bytes

/// A GetRecords answer as the service writes it: 10,000 records, or what fits into 10 MiB, of JSON payloads of about
/// `payloadBytes`: an order with a nested object, a list of items, and a text that fills it up.
func sampleAnswer(payloadBytes: Int) -> ByteBuffer {
    let answer = ByteBuffer(capacity: 11 * 1024 * 1024)
    answer.append("{\"MillisBehindLatest\":1200,\"NextShardIterator\":\"AAAAAAAAAAF")
    for index in 0..<180 { answer.append(UInt8(ascii: "a") + UInt8(index % 26)) }
    answer.append("==\",\"Records\":[")
    var count = 0
    while count < 10_000 {
        let record = sampleRecord(count, payloadBytes)
        if answer.count + record.count > 10 * 1024 * 1024 { break }
        if count > 0 { answer.append(",") }
        answer.append(record)
        count += 1
    }
    answer.append("]}")
    return answer
}

private func sampleRecord(_ number: Int, _ payloadBytes: Int) -> ByteBuffer {
    let record = ByteBuffer(capacity: payloadBytes * 2 + 512)
    record.append("{\"ApproximateArrivalTimestamp\":")
    record.append("\(1_767_225_600 + number / 500).\(100 + number % 900)")
    record.append(",\"Data\":\"")
    let payload = samplePayload(number, payloadBytes)
    withExtendedLifetime(payload) { Base64.encode(payload.bytes, to: record) }
    record.append("\",\"PartitionKey\":\"customer-\(number % 997)\",\"SequenceNumber\":\"")
    record.append("4959033827149025664210\(String(repeating: "0", count: 24))\(1_000_000_000 + number)")
    record.append("\"}")
    return record
}

private func samplePayload(_ number: Int, _ bytes: Int) -> ByteBuffer {
    let payload = ByteBuffer(capacity: bytes + 64)
    payload.append("{\"id\":\(number),\"type\":\"order.created\",\"amount\":\(number % 1000).95,")
    payload.append(
        "\"paid\":true,\"customer\":{\"id\":\(number % 997),\"country\":\"DE\"},\"items\":[")
    var item = 0
    while payload.count < bytes - 120 {
        if item > 0 { payload.append(",") }
        payload.append(
            "{\"sku\":\"A-\(number % 89)\(item)\",\"quantity\":\(item + 1),\"price\":\(item * 3).95,\"gift\":false}")
        item += 1
    }
    payload.append("],\"note\":\"")
    let words = Array("the quick brown fox jumps over the lazy dog ".utf8)
    var index = number
    while payload.count < bytes - 2 {
        payload.append(words[index % words.count])
        index += 1
    }
    payload.append("\"}")
    return payload
}
