import Reactor

/// Runs `body` as a task of a loop with a thread of its own, and ends the loop afterwards.
@discardableResult
package func onLoop<T: Sendable>(
    time: LoopTime = .system, _ body: @escaping @Sendable (EventLoop) async throws -> T
) async throws -> T {
    let loop = try EventLoop(name: "test", time: time)
    try loop.startThread()
    let result: Result<T, any Error> = await withUnsafeContinuation { done in
        loop.spawn {
            do {
                done.resume(returning: .success(try await body(loop)))
            } catch {
                done.resume(returning: .failure(error))
            }
        }
    }
    loop.stop()
    loop.join()
    return try result.get()
}
