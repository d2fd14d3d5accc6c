import AWS
import Bytes
import Glibc
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
func turns(_ loop: EventLoop, limit: Duration = .seconds(10), until condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while !condition() {
        if ContinuousClock.now > deadline { return false }
        await loop.nextTurn()
    }
    return true
}

/// The file's bytes, nil when it cannot be read.
func contents(_ path: String) -> ByteBuffer? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    let buffer = ByteBuffer()
    while true {
        buffer.reserve(65536)
        let count = fread(buffer.base + buffer.count, 1, 65536, file)
        if count == 0 { return buffer }
        buffer.setCount(buffer.count + count)
    }
}

let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
