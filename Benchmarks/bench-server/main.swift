import Bytes
import Glibc
import HTTP
import HTTPServer
import Logging
import Reactor

// The server alone, for wrk: every request is answered with 200, as nginx does with `return 200`.
// `bench-server PORT`; PORT 0 lets the kernel choose. `GET /events` is a stream that stays idle, for the memory of
// connections.

final class Answerer: HTTPHandler {
    func handle(_ exchange: HTTPExchange) async {
        guard exchange.request.method == .get, exchange.request.path == "/events" else {
            return await exchange.respond(.ok)
        }
        await stream(exchange)
    }

    private func stream(_ exchange: HTTPExchange) async {
        let gone = Gate(loop: exchange.loop)
        exchange.onDisconnect = { gone.open() }
        _ = try? await exchange.startStreaming(.ok, headers: ["Content-Type": ServerSentEvents.contentType])
        try? await gone.wait()
    }
}

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
let loop = try EventLoop(name: "bench")
let server = HTTPServer(loop: loop, limits: HTTPLimits(), handler: Answerer(), logger: Logger(label: "bench"))
loop.post {
    guard let address = ListenAddress(host: "127.0.0.1", port: port), let bound = try? server.listen(address) else {
        print("cannot listen on port \(port)")
        exit(1)
    }
    print("listening on \(bound)")
    fflush(nil)
}
loop.run()
