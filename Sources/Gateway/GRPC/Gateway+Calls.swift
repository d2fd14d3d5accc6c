import Bytes
import Consumer
import JSON
import Kinesis
import Protobuf

/// Methods whose requests are small and whose responses are what the routes of HTTP say.
extension Gateway {
    func checkpointCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "CheckpointRequest")
        let stream = try await stream(of: request, call)
        let said = try CheckpointBody.acknowledgement(BodyFields(request.value))
        return await message(
            "CheckpointResponse", try await checkpointText(stream, try request.group(), said))
    }

    func getCheckpointsCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "GetCheckpointsRequest")
        let stream = try await stream(of: request, call)
        return await message("GetCheckpointsResponse", try await checkpointsText(of: stream, try request.group()))
    }

    func seekCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "SeekRequest")
        let stream = try await stream(of: request, call)
        let asked = try SeekBody.request(BodyFields(request.value))
        return await message("SeekResponse", try await seekText(stream, try request.group(), asked))
    }

    func continueCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "ContinueRequest")
        let stream = try await stream(of: request, call)
        let said = try CheckpointBody.continuation(BodyFields(request.value))
        return await message(
            "ContinueResponse", try continueText(stream, try request.group(), said))
    }

    func listShardsCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "ListShardsRequest")
        return await message("ListShardsResponse", try await shardsText(of: stream(of: request, call)))
    }

    func assignmentsCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "GetAssignmentsRequest")
        let consumers = try await assigned(optionalStream(of: request, call), group: request.group()).filter {
            call.principal.may(.read, $0.stream)
        }
        var json = JSONWriter(capacity: 1024)
        json.beginObject()
        json.key("streams")
        json.beginObject()
        for name in consumers.map(\.stream).uniqued {
            json.key(name.text)
            json.beginObject()
            json.key("consumers")
            write(consumers.filter { $0.stream == name }, &json)
            json.endObject()
        }
        json.endObject()
        json.endObject()
        return await message("GetAssignmentsResponse", json.buffer)
    }

    func statsCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "GetStatsRequest")
        return await message("Stats", try await statsText(of: optionalStream(of: request, call), for: call.principal))
    }

    func startCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "StartRequest")
        return await message("StartResponse", try await startText(stream(of: request, call), request.options()))
    }

    func stopCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let request = try await CallFields(call, "StopRequest")
        return await message("StopResponse", try await stopText(stream(of: request, call), request.group()))
    }

    private func stream(of request: CallFields, _ call: GRPCCall) async throws(Problem) -> StreamName {
        try await identified(try stream(request.streamName ?? "", of: call))
    }

    private func optionalStream(of request: CallFields, _ call: GRPCCall) async throws(Problem) -> StreamName? {
        guard request.streamName != nil else { return nil }
        return try await stream(of: request, call)
    }

    /// What a route says, as a message. A large text is read on another thread.
    func message(_ name: String, _ text: ByteBuffer) async -> ByteBuffer {
        let make: @Sendable () -> ByteBuffer = { JSONMessages.built.message(name, text) }
        return await parse(8 * text.count, make)
    }
}

extension JSONMessages {
    /// The message that a JSON object is which this program has written.
    func message(_ name: String, _ text: ByteBuffer) -> ByteBuffer {
        let message = ByteBuffer(capacity: text.count)
        do throws(JSONError) {
            write(try JSONParser.parse(text), as: Self.package + name, to: ProtobufWriter(message))
        } catch {
            preconditionFailure("\(name): \(error)")
        }
        return message
    }
}

/// The fields of a small request, as the members that they are in JSON. Performs no I/O but for the reading.
struct CallFields {
    let value: JSONValue

    init(_ value: JSONValue) {
        self.value = value
    }

    init(_ call: GRPCCall, _ name: String) async throws(Problem) {
        try self.init(try await call.request(), name)
    }

    init(_ message: ProtobufReader, _ name: String) throws(Problem) {
        do throws(ProtobufError) {
            value = try JSONMessages.built.read(message, as: JSONMessages.package + name)
        } catch {
            throw .grpc(.malformed(error))
        }
    }

    /// nil: none is named.
    var streamName: String? { value["streamName"]?.string }

    static func stream(_ text: String) throws(Problem) -> StreamName {
        guard let stream = StreamName(nameOrARN: text) else { throw .badStreamName(text) }
        return stream
    }

    /// nil: none was named.
    func group() throws(Problem) -> String? {
        try options(of: [], accepted: ["consumerGroup"]).consumerGroup
    }

    /// The options of a consumer, the group among them.
    func options() throws(Problem) -> NamedOptions {
        try options(of: value["options"]?.object ?? [], accepted: ConsumerOption.namesInQuery)
    }

    private func options(of members: [JSONMember], accepted: [String]) throws(Problem) -> NamedOptions {
        var pairs = members.map { ($0.key, $0.value.string ?? "") }
        if let group = value["consumerGroup"]?.string { pairs.append(("consumerGroup", group)) }
        do {
            return try NamedOptions(pairs, from: .query)
        } catch {
            throw .option(error, accepted: accepted)
        }
    }
}
