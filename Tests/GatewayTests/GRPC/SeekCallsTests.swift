import Bytes
import Consumer
import FakeService
import JSON
import Kinesis
import Protobuf
import Reactor
import Testing
import Time

@testable import Gateway

/// Seek and GetCheckpoints as gRPC has them: what a request asks for, and what the routes' responses become.
@Suite struct SeekCallsTests {
    private static let messages = JSONMessages.built

    private static func bytes(_ value: JSONValue, _ name: String) -> ByteBuffer {
        let buffer = ByteBuffer()
        messages.write(value, as: JSONMessages.package + name, to: ProtobufWriter(buffer))
        return buffer
    }

    private static func fields(_ value: JSONValue, _ name: String) throws(Problem) -> CallFields {
        try CallFields(ProtobufReader(bytes(value, name)), name)
    }

    private static func asked(_ value: JSONValue) throws -> SeekRequest {
        try SeekBody.request(BodyFields(fields(value, "SeekRequest").value))
    }

    @Test func `a request says where to, of which shard, and whether it is meant`() throws {
        let shard = ShardID(number: 3)
        #expect(
            try Self.asked(["to": "TRIM_HORIZON"]) == SeekRequest(.trimHorizon, shard: nil, isDryRun: false))
        #expect(
            try Self.asked(["to": "LATEST", "shardId": .string(shard.text), "dryRun": true])
                == SeekRequest(.latest, shard: shard, isDryRun: true))
        #expect(
            try Self.asked(["to": "1970-01-01T00:00:01Z"])
                == SeekRequest(.moment(WallTime(milliseconds: 1000)), shard: nil, isDryRun: false))
        #expect(
            try Self.asked(["sequenceNumber": "7", "shardId": .string(shard.text)])
                == SeekRequest(.record(SequenceNumber("7")!, of: shard), shard: shard, isDryRun: false))
    }

    @Test(
        arguments: [
            ([:], ProblemCode.missingField, "to"), (["to": "soon"], .badField, "to"),
            (["to": "LATEST", "sequenceNumber": "7"], .conflictingFields, "sequenceNumber"),
            (["sequenceNumber": "7"], .missingField, "shardId"),
            (["sequenceNumber": "07", "shardId": "a"], .badField, "sequenceNumber"),
        ] as [(JSONValue, ProblemCode, String)])
    func `a request that cannot be is refused by its field`(value: JSONValue, code: ProblemCode, field: String) {
        #expect {
            try Self.asked(value)
        } throws: { error in
            guard let document = (error as? Problem)?.document else { return false }
            return document.code == code && document.body.text.contains(#""field":"\#(field)""#)
        }
    }

    @Test func `a group that is not named is the default one`() throws {
        #expect(try Self.fields(["streamName": "orders"], "GetCheckpointsRequest").group() == nil)
        #expect(try Self.fields(["consumerGroup": "g"], "GetCheckpointsRequest").group() == "g")
        #expect(try Self.fields(["consumerGroup": "g"], "SeekRequest").group() == "g")
    }

    @Test func `a shard is put elsewhere and stands there, as both responses say`() async throws {
        try await TestSidecar.run { sidecar in
            let shard = "shardId-000000000000"
            _ = try sidecar.send("POST", "/streams/orders/start?consumerGroup=g&initialPositionInStream=TRIM_HORIZON")
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"one"}"#)
            let number = try await sidecar.numbers(1)[0]

            let dry = try await Self.seek(["to": "LATEST", "dryRun": true], sidecar)
            #expect(dry.named["streamName"] == "orders" && dry.named["consumerGroup"] == "g")
            #expect(dry.named["dryRun"] == true)
            #expect(dry.shard[1] == shard && dry.shard[3] == "LATEST", "\(dry)")

            let sought = try await Self.seek(["sequenceNumber": .string(number), "shardId": .string(shard)], sidecar)
            #expect(sought.named["dryRun"] == false && sought.shard[1] == shard)
            #expect(sought.shard[3] == "AT_SEQUENCE_NUMBER \(number)", "\(sought)")

            let stands = try await Self.read("GetCheckpointsResponse", shards: 3, sidecar) {
                try await sidecar.gateway.checkpointsText(of: TestSidecar.stream, "g")
            }
            #expect(stands.named["streamName"] == "orders" && stands.named["consumerGroup"] == "g")
            #expect(stands.shard[1] == shard && stands.shard[6] == "AT_SEQUENCE_NUMBER \(number)", "\(stands)")
        }
    }

    private static func seek(_ request: JSONValue, _ sidecar: TestSidecar) async throws -> Message {
        let asked = try asked(request)
        return try await read("SeekResponse", shards: 4, sidecar) {
            try await sidecar.gateway.seekText(TestSidecar.stream, "g", asked)
        }
    }

    /// A response: its own fields by their names, and the texts of its one shard by their numbers.
    private struct Message: Sendable {
        var named: JSONValue
        var shard: [Int: String] = [:]
    }

    /// What a client reads of the message that a route's text becomes.
    private static func read(
        _ name: String, shards: Int, _ sidecar: TestSidecar, _ text: @escaping @Sendable () async throws -> ByteBuffer
    ) async throws -> Message {
        try await Task(executorPreference: sidecar.loop) {
            let bytes = await sidecar.gateway.message(name, try await text())
            var message = Message(
                named: try messages.read(ProtobufReader(bytes), as: JSONMessages.package + name))
            var reader = ProtobufReader(bytes)
            while let field = try reader.next() {
                guard field.number == shards else { continue }
                var shard = try field.message()
                while let member = try shard.next() {
                    if let text = try? member.text() { message.shard[Int(member.number)] = text }
                }
            }
            return message
        }.value
    }
}
