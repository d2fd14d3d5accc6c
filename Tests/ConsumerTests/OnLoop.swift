import Reactor

/// Runs a test's body on an event loop of its own.
func onLoop(_ body: @escaping @Sendable (EventLoop) async throws -> Void) async throws {
    let loop = try EventLoop(name: "test")
    try loop.startThread()
    defer {
        loop.stop()
        loop.join()
    }
    let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
        loop.spawn {
            do {
                continuation.resume(returning: .success(try await body(loop)))
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }
    try result.get()
}
