import Bytes
import JSON
import Kinesis
import Testing

@Suite struct RecordBatchEncoderTests {
    @Test func `a record becomes one line with the fields of the API in camelCase`() throws {
        let answer = AnswerText.answer([AnswerText.record(42, #"{"a":1}"#)])
        #expect(
            try AnswerText.payload(answer)
                == #"{"streamName":"orders","shardId":"shardId-000000000000","millisBehindLatest":7,"records":["#
                + #"{"sequenceNumber":"42","partitionKey":"k","approximateArrivalTimestamp":"2023-11-14T22:13:20.123Z","#
                + #""encryptionType":"NONE","data":{"a":1}}]}"#)
    }
}
