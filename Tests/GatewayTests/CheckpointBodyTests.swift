import Bytes
import Consumer
import Kinesis
import State
import Testing

@testable import Gateway

@Suite struct CheckpointBodyTests {
    private func acknowledgement(_ text: String) throws -> (Acknowledgement, isForced: Bool) {
        try CheckpointBody.acknowledgement(ByteBuffer(text))
    }

    private func continuation(_ text: String) throws -> Continuation {
        try CheckpointBody.continuation(ByteBuffer(text))
    }

    @Test func `an event or a record is acknowledged, by force where that is said`() throws {
        let event = try acknowledgement(#"{"id": "5f2c81d0-41"}"#)
        #expect(event == (.event(EventID("5f2c81d0-41")!), false))
        let record = try acknowledgement(
            #"{"shardId": "shardId-000000000001", "sequenceNumber": "42", "subSequenceNumber": 3, "force": true}"#)
        let place = Checkpoint(sequenceNumber: SequenceNumber(42), subSequenceNumber: 3)
        #expect(record == (.record(ShardID(number: 1), place), true))
        let whole = try acknowledgement(
            #"{"shardId": "s", "sequenceNumber": "42", "subSequenceNumber": null, "force": false}"#)
        #expect(whole == (.record(ShardID("s")!, Checkpoint(sequenceNumber: SequenceNumber(42))), false))
    }

    @Test func `a shard goes on by its name or by its event`() throws {
        #expect(try continuation(#"{"shardId":"s"}"#) == .shard(ShardID("s")!))
        #expect(try continuation(#"{"id":"5f2c81d0-1"}"#) == .event(EventID("5f2c81d0-1")!))
    }

    @Test(arguments: [
        ("", "malformedJSON", nil), ("[]", "badField", nil), ("{}", "missingField", "id"),
        (#"{"id":1}"#, "badField", "id"), (#"{"id":"x"}"#, "badField", "id"), (#"{"ID":"x"}"#, "unknownField", "ID"),
        (#"{"id":"5f2c81d0-1","sequenceNumber":"1"}"#, "conflictingFields", "sequenceNumber"),
        (#"{"sequenceNumber":"1"}"#, "missingField", "shardId"),
        (#"{"shardId":"s"}"#, "missingField", "sequenceNumber"),
        (#"{"shardId":"","sequenceNumber":"1"}"#, "badField", "shardId"),
        (#"{"shardId":"s","sequenceNumber":"01"}"#, "badField", "sequenceNumber"),
        (#"{"shardId":"s","sequenceNumber":1}"#, "badField", "sequenceNumber"),
        (#"{"shardId":"s","sequenceNumber":"1","subSequenceNumber":-1}"#, "badField", "subSequenceNumber"),
        (#"{"id":"5f2c81d0-1","force":"true"}"#, "badField", "force"),
        (#"{"id":"5f2c81d0-1","id":"5f2c81d0-2"}"#, "malformedJSON", nil),
    ])
    func `what is wrong is named`(text: String, code: String, field: String?) throws {
        let problem = #expect(throws: Problem.self) { try acknowledgement(text) }
        let document = try #require(problem).document
        #expect(document.code.rawValue == code)
        #expect(document.members.first { $0.key == "field" }?.value.string == field)
    }
}

@Suite struct EventFramingTests {
    private func text(_ framing: EventFraming, id: EventID?) -> String {
        framing.head("records", id: id).text + #""a":1}"# + framing.end.text
    }

    @Test func `an event is its head, the members of its object, and its end`() {
        let id = EventID("5f2c81d0-41")
        #expect(
            text(.serverSentEvents, id: id) == "id: 5f2c81d0-41\nevent: records\ndata: {\"a\":1}\n\n")
        #expect(text(.serverSentEvents, id: nil) == "event: records\ndata: {\"a\":1}\n\n")
        #expect(text(.lines, id: id) == #"{"event":"records","id":"5f2c81d0-41","a":1}"# + "\n")
        #expect(text(.lines, id: nil) == #"{"event":"records","a":1}"# + "\n")
    }

    @Test(arguments: EventFraming.allCases)
    func `no framing takes more than the encoder leaves for it`(framing: EventFraming) throws {
        let longest = try #require(EventID("5f2c81d0-999999999999999"))
        let bytes = framing.head("records", id: longest).count + framing.end.count
        #expect((40...RecordBatchEncoder.framingBytes).contains(bytes))
    }
}
