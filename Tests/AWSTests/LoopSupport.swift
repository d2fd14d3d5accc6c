import AWS
import Logging
import Reactor
import TestSupport

/// Runs `body` with a transport on a loop of its own, and closes it afterwards.
@discardableResult
func withTransport<T: Sendable>(
    _ options: Transport.Options = quietOptions(), _ body: @escaping @Sendable (Transport) async throws -> T
) async throws -> T {
    try await onLoop { loop in
        let transport = Transport(loop: loop, options: options)
        defer { transport.close() }
        return try await body(transport)
    }
}

/// Options that read nothing of this process's environment.
func quietOptions(_ variables: [String: String] = [:]) -> Transport.Options {
    var options = Transport.Options()
    options.environment = Environment(variables)
    return options
}

/// Lets the loop turn until `condition` holds; false when it does not within `limit`.
func turns(_ loop: EventLoop, limit: Duration = .seconds(30), until condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while !condition() {
        if ContinuousClock.now > deadline { return false }
        await loop.nextTurn()
    }
    return true
}

let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
