import Glibc
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

/// A folder that is gone after the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/kinesis-sidecar-state-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp", errno) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        for name in ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm"] { unlink(path + "/" + name) }
        rmdir(path)
    }

    var database: String { path + "/state.sqlite" }
}
