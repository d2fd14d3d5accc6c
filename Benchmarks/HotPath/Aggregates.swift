import AWS
import Bytes
import Kinesis
import Protobuf

/// An answer of 10 MiB in JSON whose records are aggregates of about 50 KB, as the Kinesis Producer Library makes them
/// (AggregationMaxSize is 51,200): user records of about `payloadBytes` under a hundred keys.
func sampleAnswerOfAggregates(payloadBytes: Int) -> ByteBuffer {
    let answer = ByteBuffer(capacity: 11 << 20)
    answer.append("{\"MillisBehindLatest\":1200,\"NextShardIterator\":\"AAAA\",\"Records\":[")
    var (number, user) = (0, 0)
    while true {
        let aggregate = sampleAggregate(from: &user, payloadBytes)
        if answer.count + Base64.encodedCount(aggregate.count) + 512 > 10 << 20 { break }
        if number > 0 { answer.append(",") }
        answer.append("{\"ApproximateArrivalTimestamp\":\(1_767_225_600 + number).123,\"Data\":\"")
        withExtendedLifetime(aggregate) { Base64.encode(aggregate.bytes, to: answer) }
        answer.append("\",\"PartitionKey\":\"a\",\"SequenceNumber\":\"\(sampleSequenceNumber(number))\"}")
        number += 1
    }
    answer.append("]}")
    return answer
}

private func sampleAggregate(from user: inout Int, _ payloadBytes: Int) -> ByteBuffer {
    let aggregate = ByteBuffer(AggregatedRecords.magic)
    let writer = ProtobufWriter(aggregate)
    for key in 0..<100 { writer.text(1, "customer-\(key)") }
    while aggregate.count < 50_000 {
        let payload = samplePayload(user, payloadBytes)
        writer.message(3) { record in
            record.int(1, user % 100)
            record.bytes(3, payload)
        }
        user += 1
    }
    let message = UnsafeRawBufferPointer(rebasing: aggregate.bytes.dropFirst(AggregatedRecords.magic.count))
    let checksum = Digest.md5Number(message).bigEndian
    withUnsafeBytes(of: checksum) { aggregate.append($0) }
    return aggregate
}
