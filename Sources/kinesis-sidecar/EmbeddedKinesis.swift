import HTTPServer
import LocalKinesis
import Logging
import Reactor

/// The embedded Kinesis on a loop and a thread of its own, so that it is as far from the sidecar as a service is.
struct EmbeddedKinesis: Sendable {
    /// Where it listens.
    let address: ListenAddress
    private let server: LocalKinesisServer
    private let loop: EventLoop

    static func start(
        _ settings: Settings, _ folder: DataFolder?, _ logger: Logger
    ) async throws(StartError) -> EmbeddedKinesis {
        let configuration = LocalKinesisConfiguration(
            dataDirectory: folder?.path, limits: settings.localLimits,
            streams: Dictionary(uniqueKeysWithValues: settings.localStreams.map { ($0.name, $0.shards) }),
            memoryLimit: settings.localMemoryLimit, allowedHosts: settings.allowedHosts)
        let wanted = settings.kinesisAddress
        let tls = try LocalCertificate.context(settings, folder)
        let loop: EventLoop
        do throws(SystemError) {
            loop = try EventLoop(name: "kinesis")
            try loop.startThread()
        } catch {
            throw .failed("the embedded Kinesis has no thread: \(error)")
        }
        let started = await withCheckedContinuation { continuation in
            loop.spawn {
                continuation.resume(returning: await listen(wanted, configuration, tls, loop))
            }
        }
        switch started {
        case .success(let (server, address)):
            if !address.isLoopback { tellOfOthers(address, logger) }
            return EmbeddedKinesis(address: address, server: server, loop: loop)
        case .failure(let error):
            throw .failed(
                "the embedded Kinesis cannot start on \(wanted): \(error)"
                    + StartError.hint(error, flag: settings.localListen == nil ? "--local-port" : "--local-listen"))
        }
    }

    private static func listen(
        _ address: ListenAddress, _ configuration: LocalKinesisConfiguration, _ tls: TLSContext?, _ loop: EventLoop
    ) async -> Result<(LocalKinesisServer, ListenAddress), any Error> {
        do {
            let started = try await LocalKinesisServer.start(
                loop: loop, address: address, configuration: configuration, tls: tls,
                logger: Logger(label: "local-kinesis"))
            return .success((started.server, started.address))
        } catch {
            return .failure(error)
        }
    }

    private static func tellOfOthers(_ address: ListenAddress, _ logger: Logger) {
        logger.warning(
            """
            the embedded Kinesis can be reached from elsewhere: it knows no secrets but "local", and takes requests under \
            any other key id unverified
            """,
            metadata: ["address": "\(address)"])
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

extension Settings {
    /// Where the embedded Kinesis is to listen.
    var kinesisAddress: ListenAddress { localListen ?? ListenAddress(host: "127.0.0.1", port: localPort)! }
}

extension ListenAddress {
    /// Host and port by which this machine calls it: what listens on every address has no address of its own. nil: of a Unix
    /// socket.
    var own: (host: String, port: Int)? {
        guard case .ip(let host, let port) = self else { return nil }
        return (["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host, port)
    }
}
