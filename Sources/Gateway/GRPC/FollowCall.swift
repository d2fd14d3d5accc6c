import Bytes
import Consumer
import HTTPServer
import Kinesis
import Protobuf
import Reactor

extension Gateway {
    /// `Follow`: the session of a reader, whose acknowledgements come on the same stream.
    func followCall(_ call: GRPCCall) async throws(Problem) {
        // A reader whose deadline passes before it is attached never is: it would take shards from others, for nobody.
        guard let (session, requests) = try await beforeDeadline(of: call, cancelsWork: true, beginFollow) else {
            return
        }
        let reading = loop.spawn { await requests.run() }
        let timer = call.deadline.map { loop.schedule(at: $0) { session.end(.grpc(.deadlinePassed)) } }
        await session.run()
        if let timer { loop.cancel(timer) }
        call.exchange.abandonBody()
        await reading.value
    }

    /// nil: the client has gone. Apart from `followCall`, whose frame lives for as long as the call.
    @inline(never)
    private func beginFollow(_ call: GRPCCall) async throws(Problem) -> (RecordsSession, FollowRequests)? {
        if !stage.takesReaders { throw .draining }
        guard let first = try await call.first(), case .open(var opening) = try FollowRequest(first) else {
            throw .grpc(.outOfOrder(expected: "open in the first request of Follow"))
        }
        try require(.read, on: opening.stream, of: call.principal)
        opening.stream = try await identified(opening.stream)
        if !stage.takesReaders { throw .draining }
        let presence = PeerPresence(call.exchange)
        let reader: RecordsReader
        do {
            reader = try await attach(opening)
        } catch {
            throw .consumer(error, stream: opening.stream)
        }
        guard presence.isThere else {
            reader.detach(.lost)
            return nil
        }
        let session = RecordsSession(
            reader, call.exchange, presence, MessageFraming(gateway: self), credit: opening.credit, of: self)
        return (session, FollowRequests(call, opening, session, self))
    }

    private func attach(_ opening: FollowOpening) async throws(ConsumerError) -> RecordsReader {
        if opening.isTail {
            return try await services.consumers.watch(
                opening.stream, opening.options, format: .protobuf, lastEvent: opening.lastEvent)
        }
        return try await services.consumers.attach(
            opening.stream, opening.options, format: .protobuf, lastEvent: opening.lastEvent)
    }
}

/// What a reader says while it is being sent records. Confined to its loop.
final class FollowRequests: @unchecked Sendable {
    private let call: GRPCCall
    private let opening: FollowOpening
    private let session: RecordsSession
    private let gateway: Gateway

    init(_ call: GRPCCall, _ opening: FollowOpening, _ session: RecordsSession, _ gateway: Gateway) {
        self.call = call
        self.opening = opening
        self.session = session
        self.gateway = gateway
    }

    /// Until the client ends its requests, after which it reads on, or the call is over.
    func run() async {
        do throws(Problem) {
            while let message = try await call.next(isPatient: true) {
                try await take(try FollowRequest(message))
            }
        } catch {
            // Without effect where the call is over: the client has gone, or the rest is not wanted.
            session.end(error)
        }
    }

    private func take(_ request: FollowRequest) async throws(Problem) {
        switch request {
        case .open: throw .grpc(.outOfOrder(expected: "acknowledge, continue or credit behind the first request"))
        case .credit(let records): session.give(records)
        case .acknowledge(let acknowledgement, let isForced):
            await tell { () async throws(Problem) in
                try gateway.require(.checkpoint, on: opening.stream, of: call.principal)
                _ = try await gateway.checkpointText(
                    opening.stream, opening.options.consumerGroup, (acknowledgement, isForced))
            }
        case .goOn(let continuation):
            await tell { () async throws(Problem) in
                _ = try gateway.continueText(opening.stream, opening.options.consumerGroup, continuation)
            }
        }
    }

    /// What a request meets is told in the stream, which goes on.
    private func tell(_ request: () async throws(Problem) -> Void) async {
        do throws(Problem) { try await request() } catch { await session.tell(error.document) }
    }
}
