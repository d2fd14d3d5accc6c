import Bytes
import HTTP
import HTTPServer
import Kinesis
import Protobuf
import Reactor

/// Calls of gRPC: the same engine as for HTTP, and the same problems.
extension Gateway {
    /// Which method is answered by what.
    private func answer(_ call: GRPCCall) async throws(Problem) {
        switch call.head.method {
        case .follow: try await followCall(call)
        case .put: try await unary(call, putCall)
        case .putRecords: try await unary(call, putRecordsCall)
        case .putStream: try await putStreamCall(call)
        case .checkpoint: try await unary(call, checkpointCall)
        case .getCheckpoints: try await unary(call, getCheckpointsCall)
        case .seek: try await unary(call, seekCall)
        case .goOn: try await unary(call, continueCall)
        case .listShards: try await unary(call, listShardsCall)
        case .getAssignments: try await unary(call, assignmentsCall)
        case .getStats: try await unary(call, statsCall)
        case .start: try await unary(call, startCall)
        case .stop: try await unary(call, stopCall)
        case .checkHealth: try await unary(call, checkHealthCall)
        case .listHealth: try await unary(call, listHealthCall)
        case .watchHealth: try await watchHealthCall(call)
        case .reflect, .reflectAlpha: try await reflectCall(call)
        }
    }

    /// Returns the status that the call would have had over HTTP, for the counters.
    func serveCall(_ exchange: HTTPExchange, _ refusal: Problem?) async -> HTTPStatus {
        do throws(Problem) {
            if let refusal { throw refusal }
            let head = try GRPCHead(exchange.request, carriesTrailers: exchange.carriesTrailers)
            let principal = try admit(exchange, head.method.demand, from: .main)
            try await answer(GRPCCall(exchange, head, principal, of: self))
            return .ok
        } catch {
            let document = error.document
            note(document, of: exchange)
            if exchange.carriesTrailers {
                await exchange.respond(fieldsAlone: GRPCCall.refusalHeaders + GRPCStatus(problem: document).trailers)
            } else {
                await exchange.respond(document.code.status, headers: document.httpHeaders, body: document.body)
            }
            return document.code.status
        }
    }

    /// The stream that a request names, on which the caller may do what the method does.
    func stream(_ name: String, of call: GRPCCall) throws(Problem) -> StreamName {
        let stream = try CallFields.stream(name)
        if case .verb(let verb, _) = call.head.method.demand { try require(verb, on: stream, of: call.principal) }
        return stream
    }

    /// A method with one request and one response. At the client's deadline it is answered so, and whatever was begun goes on.
    private func unary(
        _ call: GRPCCall, _ work: @escaping @Sendable (GRPCCall) async throws(Problem) -> ByteBuffer
    ) async throws(Problem) {
        await call.respond(try await beforeDeadline(of: call, cancelsWork: false, work))
    }

    /// What `work` comes to; at the client's deadline the problem that it has passed.
    /// - Parameter cancelsWork: at the deadline; else it goes on, for nobody.
    func beforeDeadline<Value: Sendable>(
        of call: GRPCCall, cancelsWork: Bool, _ work: @escaping @Sendable (GRPCCall) async throws(Problem) -> Value
    ) async throws(Problem) -> Value {
        guard let deadline = call.deadline else { return try await work(call) }
        let race = DeadlineRace<Value>()
        let loop = loop
        let outcome = await withSuspension { suspension in
            race.waiter = suspension
            let working = loop.spawn {
                let result: Result<Value, Problem>
                do throws(Problem) { result = .success(try await work(call)) } catch { result = .failure(error) }
                race.finish(result)
            }
            race.timer = loop.schedule(at: deadline) {
                race.finish(.failure(.grpc(.deadlinePassed)))
                if cancelsWork { working.cancel() }
            }
        }
        if let timer = race.timer { loop.cancel(timer) }
        return try outcome.get()
    }
}

/// Whichever is first: the work or the deadline. Confined to its loop.
private final class DeadlineRace<Value: Sendable>: @unchecked Sendable {
    var waiter: Suspension<Result<Value, Problem>>?
    var timer: TimerToken?

    func finish(_ outcome: Result<Value, Problem>) {
        waiter?.resume(returning: outcome)
        waiter = nil
    }
}
