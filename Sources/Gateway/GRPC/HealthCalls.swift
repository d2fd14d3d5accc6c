import Bytes
import HTTPServer
import Protobuf
import Reactor

/// The standard health service (github.com/grpc/grpc, doc/health-checking.md): as `/readyz`.
extension Gateway {
    private enum Serving: Int {
        case serving = 1
        case notServing = 2
        case serviceUnknown = 3
    }

    /// All services at once, and the one that has work.
    private static let services = ["", "kinesis_sidecar.v1.KinesisSidecar"]
    /// How often it is looked whether something has changed.
    private static let watchInterval = Duration.seconds(1)

    func checkHealthCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        let service = try Self.service(try await call.request())
        let serving = serving(service)
        guard serving != .serviceUnknown else { throw .grpc(.unknownService(service)) }
        return Self.message(serving)
    }

    func listHealthCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        _ = try await call.request()
        let writer = ProtobufWriter(ByteBuffer())
        for service in Self.services {
            writer.message(1) { entry in
                entry.text(1, service)
                entry.bytes(2, Self.message(serving(service)))
            }
        }
        return writer.buffer
    }

    /// Tells of every change until the client has enough, or the process ends.
    func watchHealthCall(_ call: GRPCCall) async throws(Problem) {
        let service = try Self.service(try await call.request())
        let presence = PeerPresence(call.exchange)
        let changed = Gate(loop: loop)
        presence.onLoss = { changed.open() }
        endless[ObjectIdentifier(call)] = { changed.open() }
        defer { endless[ObjectIdentifier(call)] = nil }
        let timer = call.deadline.map { loop.schedule(at: $0) { changed.open() } }
        defer { if let timer { loop.cancel(timer) } }
        do throws(ConnectionClosed) {
            let response = try await call.begin()
            var told: Serving?
            while presence.isThere {
                let now = serving(service)
                if now != told { try await response.write([MessageSplitter.framed(Self.message(now))]) }
                told = now
                if stage == .ending { return await response.finish(trailers: GRPCStatus.ok) }
                if let deadline = call.deadline, loop.now >= deadline {
                    let status = GRPCStatus(problem: Problem.grpc(.deadlinePassed).document)
                    return await response.finish(trailers: status.trailers)
                }
                try? await changed.wait(until: loop.now + Self.watchInterval)
            }
        } catch {
            // The client has gone.
        }
    }

    private func serving(_ service: String) -> Serving {
        guard Self.services.contains(service) else { return .serviceUnknown }
        return isReady ? .serving : .notServing
    }

    private static func service(_ message: ProtobufReader) throws(Problem) -> String {
        var message = message
        do throws(ProtobufError) {
            while let field = try message.next() {
                if field.number == 1 { return try field.text() }
            }
            return ""
        } catch {
            throw .grpc(.malformed(error))
        }
    }

    private static func message(_ serving: Serving) -> ByteBuffer {
        let writer = ProtobufWriter(ByteBuffer(capacity: 2))
        writer.int(1, serving.rawValue)
        return writer.buffer
    }
}
