import FuzzDriver
import Glibc

// A server of HTTP/2 and a client that says whatever it likes. The first byte says how (`Manner`), the rest is sent. Whatever
// it is, the server goes on: once the client has closed, its connection and its handlers have ended, and the next client is
// answered. Time stands still but where the manner lets it pass, so an input always does the same.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzHTTP2Session_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let manner = Manner(start[0])
    Server.it.onLoop { server in
        await server.serve(bytes, manner)
        await server.serveAnother()
    }
    return 0
}

/// How a client speaks.
struct Manner {
    /// Bytes of a part; the server has its turns between two of them.
    let partBytes: Int
    /// The client sends all before it reads.
    let readsLate: Bool
    /// The input has the preface too; else a good one goes before it.
    let bringsPreface: Bool
    /// All time limits pass before the client closes.
    let isPatient: Bool
    /// The client closes with the last byte.
    let isHasty: Bool

    init(_ byte: UInt8) {
        let cut = Int(byte & 15)
        partBytes = cut == 0 ? .max : cut * cut * cut
        readsLate = byte & 16 != 0
        bringsPreface = byte & 32 != 0
        isPatient = byte & 64 != 0
        isHasty = byte & 128 != 0
    }
}

extension Server {
    func serve(_ bytes: [UInt8], _ manner: Manner) async {
        var client = Client(path)
        if !manner.bringsPreface { client.send(Client.preface[...]) }
        var rest = bytes[...]
        while !rest.isEmpty {
            client.send(rest.prefix(manner.partBytes))
            rest = rest.dropFirst(manner.partBytes)
            if rest.isEmpty, manner.isHasty { break }
            await loop.advance(by: .zero)
            if !manner.readsLate { client.read() }
        }
        if manner.isPatient, !manner.isHasty {
            for _ in 0..<10 {
                await loop.advance(by: .seconds(60))
                client.read()
            }
        }
        client.close()
        await loop.advance(by: .zero)
        precondition(connectionCount == 0, "a connection outlives its client")
        precondition(handlersRunning == 0, "a handler outlives its client")
    }

    func serveAnother() async {
        var client = Client(path)
        client.send(Client.preface[...])
        client.send(Client.request[...])
        await loop.advance(by: .zero)
        client.read()
        precondition(client.hasAnswer, "the next client is not answered")
        client.close()
        await loop.advance(by: .zero)
    }
}

/// The other end of a connection. What it sends is small enough for the kernel to take at once.
struct Client {
    /// With SETTINGS that say nothing.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
    /// GET /now of the host x, on stream 1: its end and the end of its fields.
    static let request: [UInt8] = [0, 0, 11, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x04, 4, 47, 110, 111, 119, 0x01, 1, 120]

    private let fd: Int32
    private var received: [UInt8] = []

    init(_ path: String) {
        fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let code = withUnsafeBytes(of: address) {
            connect(fd, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        precondition(code == 0, "connect: \(errno)")
    }

    /// Of a server that has ended the connection it is lost.
    func send(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { _ = Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Takes what is there. Only the beginning is kept.
    mutating func read() {
        let size = 64 * 1024
        withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { buffer in
            while case let count = recv(fd, buffer.baseAddress, size, 0), count > 0 {
                if received.count < size { received += UnsafeRawBufferPointer(rebasing: buffer[..<count]) }
            }
        }
    }

    /// Whether the fields of an answer to stream 1 have come that begin with the status 200, which is the index 8.
    var hasAnswer: Bool {
        var rest = received[...]
        while rest.count > 9 {
            let head = Array(rest.prefix(10))
            if head[3] == 1, head[8] == 1 { return head[9] == 0x88 }
            rest = rest.dropFirst(9 + Int(head[0]) << 16 + Int(head[1]) << 8 + Int(head[2]))
        }
        return false
    }

    func close() { _ = Glibc.close(fd) }
}
