import Bytes
import CBOR

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
    record.append(sampleSequenceNumber(number))
    record.append("\"}")
    return record
}

func sampleSequenceNumber(_ number: Int) -> String {
    "4959033827149025664210\(String(repeating: "0", count: 24))\(1_000_000_000 + number)"
}

func samplePayload(_ number: Int, _ bytes: Int) -> ByteBuffer {
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

/// The same answer in CBOR, as the service writes it: names and texts with their lengths, data as bytes.
func sampleAnswerInCBOR(payloadBytes: Int) -> ByteBuffer {
    let answer = CBORWriter(ByteBuffer(capacity: 11 * 1024 * 1024))
    answer.beginMap()
    answer.text("MillisBehindLatest")
    answer.int(1200)
    answer.text("NextShardIterator")
    answer.text(String(repeating: "a", count: 193))
    answer.text("Records")
    answer.beginArray()
    // As many as in JSON, so that both programs have the same work.
    for number in 0..<sampleCount(payloadBytes) {
        answer.beginMap()
        answer.text("ApproximateArrivalTimestamp")
        answer.time(milliseconds: Int64(1_767_225_600 + number / 500) * 1000 + Int64(100 + number % 900))
        answer.text("Data")
        answer.bytes(samplePayload(number, payloadBytes).bytes)
        answer.text("PartitionKey")
        answer.text("customer-\(number % 997)")
        answer.text("SequenceNumber")
        answer.text(sampleSequenceNumber(number))
        answer.end()
    }
    answer.end()
    answer.end()
    return answer.buffer
}

private func sampleCount(_ payloadBytes: Int) -> Int {
    var (bytes, count) = (256, 0)
    while count < 10_000 {
        bytes += sampleRecord(count, payloadBytes).count + 1
        if bytes > 10 * 1024 * 1024 { break }
        count += 1
    }
    return count
}
