import Bytes
import CLinux
import Glibc
import HTTP
import Reactor
import Testing

@testable import HTTPServer

@Suite struct ServerLifeTests {
    @Test func `a drain closes what is idle and lets the others finish`() async throws {
        let gate = GateBox()
        try await ServerFixture.run(handle: { exchange in
            if exchange.request.path == "/slow" { try? await gate.gate(exchange.loop).wait() }
            await exchange.echo()
        }) { fixture in
            let idle = try Client(port: fixture.port)
            #expect(try idle.get("/").status == 200)
            let busy = try Client(port: fixture.port)
            busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(fixture.becomes { _ in gate.waiting == 1 })
            let drained = Box<Bool>()
            let (loop, server) = (fixture.loop, fixture.server)
            loop.spawn {
                await server.drain(deadline: loop.now + .seconds(10))
                drained.put(true)
            }
            #expect(try idle.readToEnd() == "")
            loop.post { gate.open() }
            let answer = try busy.answer()
            #expect(answer.body == "GET /slow ")
            #expect(busy.field("connection", answer.head) == "close")
            #expect(busy.isClosed())
            busy.reset()
            #expect(drained.take())
            #expect(throws: Client.Failure.self) { try Client(port: fixture.port) }
        }
    }

    @Test func `a drain cuts at its deadline`() async throws {
        let gate = GateBox()
        try await ServerFixture.run(handle: { exchange in
            exchange.onDisconnect = { gate.open() }
            try? await gate.gate(exchange.loop).wait()
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(fixture.becomes { _ in gate.waiting == 1 })
            let drained = Box<Bool>()
            let (loop, server) = (fixture.loop, fixture.server)
            loop.spawn {
                await server.drain(deadline: loop.now + .milliseconds(20))
                drained.put(true)
            }
            #expect(drained.take())
            #expect(try client.readToEnd() == "")
            #expect(fixture.becomes { $0.connectionCount == 0 })
        }
    }

    @Test func `out of descriptors the listener answers with its spare one and rests`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let attempts = Counter()
            let loop = fixture.loop
            let port = fixture.ask { _ in
                let fd = try! Socket.listening(SocketAddress(host: "127.0.0.1", port: 0)!)
                attempts.listener = try! Listener(
                    loop: loop, fd: fd,
                    accept: { fd in
                        attempts.count += 1
                        // The first fails as accept4 does then; the next is the one that has the spare descriptor.
                        return attempts.count % 2 == 1 ? .failed(SystemError("accept4", EMFILE)) : Socket.accept(fd)
                    },
                    take: { fd, _ in close(fd) }, report: { attempts.errors.append($0.code) })
                return Socket.localAddress(fd).port
            }
            let client = try Client(port: port)
            #expect(try client.answer().status == 503)
            let second = try Client(port: port)
            #expect(try second.answer().status == 503)
            // A loop that spins would have tried thousands of times.
            #expect(fixture.ask { _ in attempts.count } == 4)
            #expect(fixture.ask { _ in attempts.errors } == [EMFILE, EMFILE])
            fixture.ask { _ in
                attempts.listener?.stop()
                attempts.listener = nil
            }
        }
    }

    @Test func `one server listens on both families`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let bound = fixture.ask { server in
                try? server.listen(ListenAddress("[::1]:\(fixture.port)")!)
            }
            #expect(bound == ListenAddress(host: "::1", port: fixture.port))
        }
    }

    @Test func `a port that is taken is an error that names the call`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let port = fixture.port
            let error = fixture.ask { server in
                do throws(SystemError) {
                    _ = try server.listen(ListenAddress(host: "127.0.0.1", port: port)!)
                    return SystemError?.none
                } catch { return error }
            }
            #expect(error == SystemError("bind", EADDRINUSE))
        }
    }

    @Test func `addresses are read and written`() {
        #expect(ListenAddress("127.0.0.1:8700")?.description == "127.0.0.1:8700")
        #expect(ListenAddress("[::1]:8700")?.description == "[::1]:8700")
        #expect(ListenAddress("localhost:0")?.description == "127.0.0.1:0")
        #expect(ListenAddress("0.0.0.0:1") == .ip(host: "0.0.0.0", port: 1))
        #expect(ListenAddress("unix:/run/x.sock") == .unix(path: "/run/x.sock"))
        #expect(ListenAddress("unix:/run/x.sock")?.description == "unix:/run/x.sock")
        for bad in [
            "", "8700", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "[::1]", "[1.2.3.4]:1", "a.b:1",
            "unix:",
            "unix:/" + String(repeating: "x", count: 107),
        ] {
            #expect(ListenAddress(bad) == nil, "\(bad)")
        }
    }

    /// Confined to the server's loop.
    private final class Counter: @unchecked Sendable {
        var count = 0
        var errors: [Int32] = []
        var listener: Listener?
    }

    /// A gate that is made by the first who needs it, on the server's loop.
    private final class GateBox: @unchecked Sendable {
        private var made: Gate?
        var waiting: Int { made?.waiting ?? 0 }

        func gate(_ loop: EventLoop) -> Gate {
            if let made { return made }
            let gate = Gate(loop: loop)
            made = gate
            return gate
        }

        func open() { made?.open() }
    }
}
