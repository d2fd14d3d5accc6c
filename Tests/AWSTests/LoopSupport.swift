import AWS
import Bytes
import Glibc
import Logging
import Reactor

/// Runs `body` as a task of a loop with a thread of its own, and ends the loop afterwards.
func onLoop<T: Sendable>(_ body: @escaping @Sendable (EventLoop) async throws -> T) async throws -> T {
    let loop = try EventLoop(name: "test")
    try loop.startThread()
    let result: Result<T, any Error> = await withUnsafeContinuation { done in
        loop.spawn {
            do { done.resume(returning: .success(try await body(loop))) } catch {
                done.resume(returning: .failure(error))
            }
        }
    }
    loop.stop()
    loop.join()
    return try result.get()
}

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

/// A folder that is removed with its files when the value goes.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/aws-tests-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) != nil }
        precondition(made, "mkdtemp: errno \(errno)")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(path + "/" + name)
            }
            closedir(folder)
        }
        rmdir(path)
    }

    /// Writes a file and returns its path.
    func write(_ name: String, _ text: String) -> String {
        let path = path + "/" + name
        let file = fopen(path, "w")
        precondition(file != nil, "fopen: errno \(errno)")
        fputs(text, file!)
        fclose(file!)
        return path
    }
}

let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
