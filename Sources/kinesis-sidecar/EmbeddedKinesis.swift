import LocalKinesis
import Logging
import Reactor

/// The embedded Kinesis on a loop and a thread of its own, so that it is as far from the sidecar as a service is.
struct EmbeddedKinesis: Sendable {
    let port: Int
    private let server: LocalKinesisServer
    private let loop: EventLoop

    static func start(
        _ settings: Settings, _ folder: DataFolder?, _ logger: Logger
    ) async throws(StartError) -> EmbeddedKinesis {
        let configuration = LocalKinesisConfiguration(dataDirectory: folder?.path, limits: settings.localLimits)
        let loop: EventLoop
        do throws(SystemError) {
            loop = try EventLoop(name: "kinesis")
            try loop.startThread()
        } catch {
            throw .failed("the embedded Kinesis has no thread: \(error)")
        }
        let started = await withCheckedContinuation { continuation in
            loop.spawn {
                continuation.resume(returning: await listen(settings.localPort, configuration, loop))
            }
        }
        switch started {
        case .success(let (server, port)): return EmbeddedKinesis(port: port, server: server, loop: loop)
        case .failure(let error):
            throw .failed(
                "the embedded Kinesis cannot start on 127.0.0.1:\(settings.localPort): \(error)"
                    + StartError.hint(error, flag: "--local-port"))
        }
    }

    private static func listen(
        _ port: Int, _ configuration: LocalKinesisConfiguration, _ loop: EventLoop
    ) async -> Result<(LocalKinesisServer, Int), any Error> {
        do {
            let started = try await LocalKinesisServer.start(
                loop: loop, port: port, configuration: configuration, logger: Logger(label: "local-kinesis"))
            return .success((started.server, started.port))
        } catch {
            return .failure(error)
        }
    }

    /// Ends the server, then its thread.
    func stop() async {
        await withCheckedContinuation { continuation in
            loop.spawn {
                await server.stop()
                continuation.resume()
            }
        }
        loop.stop()
        loop.join()
    }
}
