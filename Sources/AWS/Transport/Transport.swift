import Bytes
import CCurl
import Reactor

/// HTTP requests over libcurl's multi interface, driven by the loop: connections are reused, nothing blocks.
///
/// libcurl is not touched before the first request, nor are certificates before the first TLS connection. Name
/// resolution runs on a thread of libcurl's own. Confined to its loop.
package final class Transport: @unchecked Sendable {
    package struct Options: Sendable {
        /// A file of PEM certificates that is trusted instead of the system's; nil: `AWS_CA_BUNDLE`, else the system's.
        package var certificateFile: String?
        /// A certificate in PEM, the only one that is trusted: by itself, whatever names it has. Whoever shows it has its key.
        package var onlyCertificate: ByteBuffer?
        /// The socket's path that every connection is made to, whatever the endpoints' hosts are; nil: TCP.
        package var unixSocket: String?
        /// Time to a connection, TLS included.
        package var connectTimeout = Duration.seconds(5)
        /// Time without a byte in either direction. Whole seconds, at least 1; libcurl judges by the speed of the last
        /// five seconds, so that it takes up to as much longer.
        package var progressTimeout = Duration.seconds(30)
        /// Connections to one host at a time; what is over waits, within its own time-out. A process that reads 1,000
        /// shards five times a second has 100 requests of 20 ms on their way.
        package var connectionsPerHost = 256
        /// Idle connections that are kept; a TLS connection holds about 50 KB.
        package var idleConnections = 64
        /// Where the proxy variables and `AWS_CA_BUNDLE` are looked up, once.
        package var environment = Environment.process

        package init() {}
    }

    /// Easy handles that wait for their next use; more are given back to libcurl. One is about 6 KB.
    private static let pooled = 64

    package let loop: EventLoop
    private let options: Options
    private let certificateFile: String?
    private let proxies: ProxySettings
    private var multi: CurlMulti?
    /// Of streams: each has a connection for as long as it lasts, beside those that are counted.
    private var streams: CurlMulti?
    private var idle: [Transfer] = []
    private var running: [Transfer] = []
    private var isClosed = false

    package init(loop: EventLoop, options: Options = Options()) {
        self.loop = loop
        self.options = options
        certificateFile = options.certificateFile ?? options.environment["AWS_CA_BUNDLE"]
        proxies = ProxySettings(options.environment)
    }

    deinit {
        let multis = [multi, streams].compactMap(\.self)
        guard !multis.isEmpty else { return }
        loop.post { for multi in multis { multi.cleanUp() } }
    }

    /// Requests that are on their way.
    package var transferCount: Int { running.count }

    /// Sends a request and waits for the whole response, whatever its status. Cancelling the task removes the transfer.
    package func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
        let multi = try open(&multi, connectionsPerHost: options.connectionsPerHost)
        let transfer = idle.popLast() ?? makeTransfer(.whole, multi)
        try transfer.prepare(request, proxies: proxies)
        let sent = SendableTransfer(transfer: transfer, generation: transfer.generation)
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                transfer.start(continuation, now: loop.now)
                run(transfer, multi)
            }
        } onCancel: {
            // Runs on whatever thread cancels, also before the transfer was added: the loop comes to it afterwards.
            loop.post { self.cancel(sent) }
        }
        return try result.get()
    }

    /// Sends a request whose success is received while it is read. Waits for the head of that, or for the whole of another
    /// response, at most for the request's time-out.
    package func stream(_ request: TransportRequest) async throws(TransportError) -> TransportOpening {
        let multi = try open(&streams, connectionsPerHost: nil)
        let transfer = makeTransfer(.streamed, multi)
        try transfer.prepare(request, proxies: proxies)
        let sent = SendableTransfer(transfer: transfer, generation: transfer.generation)
        let timer = loop.schedule(after: request.timeout) { [weak self] in
            guard let self, isRunning(transfer), transfer.waitsForHead else { return }
            abandon(transfer, .timedOut(.total, after: request.timeout))
        }
        defer { loop.cancel(timer) }
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                transfer.start(continuation, now: loop.now) { [unowned self] in responseStream($0, of: sent, multi) }
                run(transfer, multi)
            }
        } onCancel: {
            loop.post { self.cancel(sent) }
        }
        return try result.get()
    }

    private func responseStream(_ head: TransportHead, of sent: SendableTransfer, _ multi: CurlMulti) -> ResponseStream
    {
        ResponseStream(head) {
            multi.resume(sent.transfer.easy)
        } abandon: { [weak self, loop] in
            loop.post { [weak self] in self?.cancel(sent) }
        }
    }

    /// Cuts every transfer (they throw `.closed`) and closes every connection.
    package func close() {
        loop.preconditionOnLoop()
        isClosed = true
        while let transfer = running.last { abandon(transfer, .closed) }
        idle.removeAll()
        for multi in [multi, streams] { multi?.cleanUp() }
        multi = nil
        streams = nil
    }

    private func open(_ multi: inout CurlMulti?, connectionsPerHost: Int?) throws(TransportError) -> CurlMulti {
        loop.preconditionOnLoop()
        if isClosed { throw .closed }
        if let multi { return multi }
        let opened = CurlMulti(
            loop: loop, connectionsPerHost: connectionsPerHost, idleConnections: options.idleConnections)
        opened.onDone = { [unowned self] easy, code in done(Transfer.of(easy: easy), code) }
        multi = opened
        return opened
    }

    private func makeTransfer(_ kind: Transfer.Kind, _ multi: CurlMulti) -> Transfer {
        let transfer = Transfer(kind, options: options, certificateFile: certificateFile)
        multi.adopt(transfer.easy)
        return transfer
    }

    private func run(_ transfer: Transfer, _ multi: CurlMulti) {
        transfer.place = running.count
        running.append(transfer)
        multi.add(transfer.easy)
    }

    private func done(_ transfer: Transfer, _ code: CURLcode) {
        unlist(transfer)
        loop.refreshTimeIfFailed(code)
        let result = transfer.result(code, now: loop.now)
        // A handle that has failed is not used again: libcurl may keep more of the failure than its options.
        if case .success = result, case .whole = transfer.kind, idle.count < Self.pooled { idle.append(transfer) }
        transfer.finish(result)
    }

    private func cancel(_ sent: SendableTransfer) {
        let transfer = sent.transfer
        guard transfer.generation == sent.generation, isRunning(transfer) else { return }
        abandon(transfer, .cancelled)
    }

    private func abandon(_ transfer: Transfer, _ error: TransportError) {
        unlist(transfer)
        switch transfer.kind {
        case .whole: multi?.remove(transfer.easy)
        case .streamed: streams?.remove(transfer.easy)
        }
        transfer.finish(.failure(error))
    }

    private func isRunning(_ transfer: Transfer) -> Bool {
        transfer.place < running.count && running[transfer.place] === transfer
    }

    private func unlist(_ transfer: Transfer) {
        let place = transfer.place
        running.swapAt(place, running.count - 1)
        running[place].place = place
        running.removeLast()
    }
}

extension EventLoop {
    /// A time-out is told apart by how long the transfer lasted, for which the turn's time is too old.
    fileprivate func refreshTimeIfFailed(_ code: CURLcode) {
        if code != CURLE_OK { refreshTime() }
    }
}

/// A transfer on its way through a cancellation handler to its loop.
private struct SendableTransfer: @unchecked Sendable {
    let transfer: Transfer
    let generation: UInt64
}
