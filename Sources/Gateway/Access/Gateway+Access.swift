import HTTP
import HTTPServer
import Kinesis

/// Where a request came in.
package enum Entrance: Sendable {
    /// `listen`: every route, for those who may.
    case main
    /// `adminListen`: what only tells, for whoever reaches it.
    case admin
}

/// Answers what comes in by `adminListen`.
package final class AdminHandler: HTTPHandler {
    private let gateway: Gateway

    package init(_ gateway: Gateway) { self.gateway = gateway }

    package func handle(_ exchange: HTTPExchange) async { await gateway.handle(exchange, from: .admin) }
}

extension Gateway {
    /// Who asks, where it may have what the route is for.
    func admit(_ exchange: HTTPExchange, _ demand: Demand, from entrance: Entrance) throws(Problem) -> Principal {
        guard entrance == .main else { return .anybody }
        switch demand {
        case .nothing: return (try? principal(of: exchange)) ?? .nobody
        case .verb(let verb, let extent): return try principal(of: exchange, whoMay: verb, on: extent)
        case .verbOrOwnMachine(let verb):
            if options.access.isOpen, !exchange.isLoopbackPeer { throw refused(.elsewhere(exchange.remoteAddress)) }
            return try principal(of: exchange, whoMay: verb, on: .process)
        }
    }

    /// Who asks, where that is allowed the verb.
    func principal(
        of exchange: HTTPExchange, whoMay verb: Verb, on extent: Demand.Extent
    ) throws(Problem) -> Principal {
        do throws(AccessDenial) {
            let principal = try principal(of: exchange)
            if let denial = principal.missing(for: verb, on: extent) { throw denial }
            return principal
        } catch {
            throw refused(error)
        }
    }

    private func principal(of exchange: HTTPExchange) throws(AccessDenial) -> Principal {
        // Spares a request to an open sidecar the texts of its fields.
        if options.access.isOpen { return .anybody }
        return try options.access.principal(
            authorizations: exchange.request.headerValues("authorization"), peerNames: exchange.peerNames)
    }

    /// Of a stream that only the body names.
    func require(_ verb: Verb, on stream: StreamName, of principal: Principal) throws(Problem) {
        if let denial = principal.missing(for: verb, on: .stream(stream)) { throw refused(denial) }
    }

    private func refused(_ denial: AccessDenial) -> Problem {
        .access(accessFailures.note(denial, now: loop.now))
    }
}
