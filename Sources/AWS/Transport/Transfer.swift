import Bytes
import CCurl
import Glibc
import Reactor

/// One easy handle of libcurl with what it sends and receives; used again for the next request. Confined to its loop.
final class Transfer {
    /// What becomes of a response, which fixes the handle's options.
    enum Kind {
        /// It is gathered, and given out whole.
        case whole
        /// The body of a success is given out as it comes, for as long as that takes; other responses are gathered.
        case streamed

        /// libcurl's receive buffer, bytes. GetRecords responses are up to 16 MiB; of streams there are many.
        var receiveBuffer: Int {
            switch self {
            case .whole: 256 * 1024
            case .streamed: ResponseStream.mostBytes
            }
        }
    }

    /// Who waits for the response.
    private enum Receiver {
        case nobody
        case whole(UnsafeContinuation<Result<TransportResponse, TransportError>, Never>)
        /// Until the response's head is there; the function makes the stream of a success.
        case head(
            UnsafeContinuation<Result<TransportOpening, TransportError>, Never>, (TransportHead) -> ResponseStream)
        case stream(ResponseStream.Buffer)
    }

    /// Header lines that are kept of one response, bytes.
    static let headerLimit = 64 * 1024

    let easy: CURLHandle
    let kind: Kind
    /// Counts uses, so that a late cancellation does not hit the next request.
    private(set) var generation: UInt64 = 0
    /// Where the transport's list of running transfers has this one.
    var place = 0

    private let list = HeaderList()
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var endpoint: Endpoint?
    private var path = ""
    private var query: String?
    private var method: TransportRequest.Method?
    private var timeout = Duration.zero
    private var request: TransportRequest?
    private var responseLimit = 0
    private var isLengthKnown = false
    /// How often libcurl was about to send the request: more than once when a connection that was kept has ended.
    private var sendings = 0
    private var startedAt: EventLoop.Instant?
    private var lines = ByteBuffer()
    private var hasAllHeaders = false
    private var body = ByteBuffer()
    private var refusal: TransportError?
    private var receiver = Receiver.nobody

    init(_ kind: Kind, options: Transport.Options, certificateFile: String?) {
        guard let easy = curl_easy_init() else { preconditionFailure("curl_easy_init") }
        self.easy = easy
        self.kind = kind
        errorText.pointee = 0
        setFixedOptions(options, certificateFile)
        setCallbacks()
    }

    deinit {
        curl_easy_cleanup(easy)
        errorText.deallocate()
    }

    private func setFixedOptions(_ options: Transport.Options, _ certificateFile: String?) {
        set(CURLOPT_NOSIGNAL, 1)
        // Without it, ending a transfer whose name is still being resolved waits for the resolver's thread: 3 s of the
        // loop when the name server took 3 s (measured, libcurl 7.88).
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_TCP_NODELAY, 1)
        // The path is sent as it was signed, dots and all.
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        set(CURLOPT_BUFFERSIZE, kind.receiveBuffer)
        set(CURLOPT_CONNECTTIMEOUT_MS, Int(options.connectTimeout.clampedMilliseconds))
        switch kind {
        case .whole:
            set(CURLOPT_LOW_SPEED_LIMIT, 1)
            set(CURLOPT_LOW_SPEED_TIME, max(1, Int(options.progressTimeout.components.seconds)))
        // Whoever reads the stream knows when it is silent for too long.
        case .streamed:
            // The handle keeps its buffer for as long as the stream lasts: 64 KB, of which a request uses one. This is
            // libcurl's least.
            set(CURLOPT_UPLOAD_BUFFERSIZE, 16 << 10)
        }
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        // libcurl keeps the parsed CA bundle for later connections only without a CA directory, which Debian's build
        // has by default: each connection would parse it anew, 90 ms of the loop instead of 1.6 (measured).
        ccurl_set_string(easy, CURLOPT_CAPATH, nil)
        if let certificateFile { ccurl_set_string(easy, CURLOPT_CAINFO, certificateFile) }
        if let certificate = options.onlyCertificate {
            ccurl_set_blob(easy, CURLOPT_CAINFO_BLOB, certificate.base, certificate.count)
            set(CURLOPT_SSL_VERIFYHOST, 0)
        }
        if let path = options.unixSocket { ccurl_set_string(easy, CURLOPT_UNIX_SOCKET_PATH, path) }
        ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    }

    private func setCallbacks() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_pointer(easy, CURLOPT_PRIVATE, context)
        ccurl_set_pointer(easy, CURLOPT_WRITEDATA, context)
        ccurl_set_pointer(easy, CURLOPT_HEADERDATA, context)
        ccurl_set_pointer(easy, CURLOPT_PREREQDATA, context)
        ccurl_set_before_request_function(easy) { context, _, _, _, _ in
            Transfer.of(context!).willSend() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
        }
        ccurl_set_data_function(easy, CURLOPT_WRITEFUNCTION) { bytes, _, count, context in
            Transfer.of(context!).received(body: UnsafeRawBufferPointer(start: bytes, count: count))
        }
        ccurl_set_data_function(easy, CURLOPT_HEADERFUNCTION) { bytes, _, count, context in
            Transfer.of(context!).received(line: UnsafeRawBufferPointer(start: bytes, count: count))
        }
    }

    /// libcurl is about to send the request on a connection. False ends the transfer.
    private func willSend() -> Bool {
        sendings += 1
        guard sendings > 1, let request, !request.isRepeatable else { return true }
        refusal = .cut(reason: "the connection ended before the response's first byte")
        return false
    }

    private static func of(_ context: UnsafeMutableRawPointer) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }

    static func of(easy: CURLHandle) -> Transfer {
        var context: UnsafeMutableRawPointer?
        ccurl_get_pointer(easy, &context)
        return of(context!)
    }

    // MARK: A request

    /// Sets what differs from request to request.
    /// - Throws: `.badHeader`, with nothing started.
    func prepare(_ request: TransportRequest, proxies: ProxySettings) throws(TransportError) {
        precondition(request.body == nil || request.method.hasBody, "a body with \(request.method)")
        try list.fill(request.headers)
        generation &+= 1
        setURL(request, proxies)
        if timeout != request.timeout {
            timeout = request.timeout
            // It would end a stream too, for which the transport has a timer.
            if case .whole = kind { set(CURLOPT_TIMEOUT_MS, Int(max(1, timeout.clampedMilliseconds))) }
        }
        ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, list.head)
        setMethod(request.method)
        if request.method.hasBody { setBody(request.body) }
        self.request = request
        responseLimit = request.responseLimit
        isLengthKnown = false
        sendings = 0
        refusal = nil
        hasAllHeaders = false
        errorText.pointee = 0
        lines = ByteBuffer(capacity: 512)
    }

    private func setURL(_ request: TransportRequest, _ proxies: ProxySettings) {
        let isSameEndpoint = endpoint == request.endpoint
        guard !isSameEndpoint || path != request.path || query != request.query else { return }
        ccurl_set_string(easy, CURLOPT_URL, request.endpoint.url(path: request.path, query: request.query))
        path = request.path
        query = request.query
        guard !isSameEndpoint else { return }
        // An empty proxy keeps libcurl from reading the environment itself.
        ccurl_set_string(easy, CURLOPT_PROXY, proxies.proxy(for: request.endpoint)?.exposed ?? "")
        ccurl_set_string(easy, CURLOPT_NOPROXY, proxies.exceptions)
        endpoint = request.endpoint
    }

    private func setMethod(_ method: TransportRequest.Method) {
        guard method != self.method else { return }
        self.method = method
        // Each of the three takes the place of the others.
        switch method {
        case .get, .delete: set(CURLOPT_HTTPGET, 1)
        case .head: set(CURLOPT_NOBODY, 1)
        case .post, .put: set(CURLOPT_POST, 1)
        }
        // libcurl's own PUT asks a callback for the body; this one sends it from memory, as POST does.
        let isOther = method == .put || method == .delete
        ccurl_set_string(easy, CURLOPT_CUSTOMREQUEST, isOther ? method.rawValue : nil)
    }

    private func setBody(_ body: ByteBuffer?) {
        ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body?.count ?? 0))
        // Not copied: the request holds the buffer until the transfer has ended.
        // A null pointer would make libcurl ask a read callback for the body.
        let nothing = ("" as StaticString).utf8Start
        ccurl_set_pointer(easy, CURLOPT_POSTFIELDS, body.map { UnsafePointer($0.base) } ?? nothing)
    }

    func start(
        _ continuation: UnsafeContinuation<Result<TransportResponse, TransportError>, Never>, now: EventLoop.Instant
    ) {
        receiver = .whole(continuation)
        startedAt = now
    }

    /// - Parameter onStream: called in one of libcurl's callbacks when a success begins; the continuation gets its result.
    func start(
        _ continuation: UnsafeContinuation<Result<TransportOpening, TransportError>, Never>, now: EventLoop.Instant,
        onStream: @escaping (TransportHead) -> ResponseStream
    ) {
        receiver = .head(continuation, onStream)
        startedAt = now
    }

    /// Whether the response's head is still to come.
    var waitsForHead: Bool {
        if case .head = receiver { true } else { false }
    }

    /// Resumes the waiting task, or ends the stream. Once per request. Whoever waits alone has the response then: a transfer
    /// that waits for its next request holds no memory of the last one.
    func finish(_ result: Result<TransportResponse, TransportError>) {
        request = nil
        body = ByteBuffer()
        let receiver = receiver
        self.receiver = .nobody
        switch receiver {
        case .nobody: break
        case .whole(let continuation): continuation.resume(returning: result)
        case .head(let continuation, _): continuation.resume(returning: result.map(TransportOpening.response))
        case .stream(let buffer):
            switch result {
            case .success: buffer.ended(nil)
            case .failure(let error): buffer.ended(error)
            }
        }
    }

    /// What a transfer that libcurl has ended with `code` comes to.
    func result(_ code: CURLcode, now: EventLoop.Instant) -> Result<TransportResponse, TransportError> {
        guard code == CURLE_OK else { return .failure(refusal ?? error(code, now: now)) }
        // libcurl takes a connection that ends within the header lines for a response without a body.
        guard hasAllHeaders else { return .failure(.cut(reason: "the response ended within its header lines")) }
        return .success(TransportResponse(head: head, body: body))
    }

    private var head: TransportHead {
        var status = 0
        ccurl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        return TransportHead(status: status, headers: TransportHeaders(lines: lines))
    }

    /// The last header line has come. Behind an interim response further ones follow.
    private func receivedHead() {
        hasAllHeaders = true
        guard case .head(let continuation, let onStream) = receiver else { return }
        let head = head
        guard head.isSuccess else { return }
        let stream = onStream(head)
        receiver = .stream(stream.buffer)
        continuation.resume(returning: .success(.stream(stream)))
    }

    // MARK: The response

    private func received(line: UnsafeRawBufferPointer) -> Int {
        // A further status line begins the final response behind a 100 Continue.
        if line.starts(with: "HTTP/".utf8) {
            lines.removeAll()
            hasAllHeaders = false
        }
        guard lines.count + line.count <= Self.headerLimit else {
            refusal = .badResponse(reason: "header lines over \(Self.headerLimit) bytes")
            return 0
        }
        lines.append(line)
        if line.first == 13 || line.first == 10 { receivedHead() }
        return line.count
    }

    private func received(body part: UnsafeRawBufferPointer) -> Int {
        if case .stream(let buffer) = receiver {
            return buffer.received(part) ? part.count : Int(CURL_WRITEFUNC_PAUSE)
        }
        if body.isEmpty, !reserveBody() { return 0 }
        let count = body.count + part.count
        guard count <= responseLimit else {
            refusal = .responseTooLarge(limit: responseLimit, actual: nil)
            return 0
        }
        guard isLengthKnown || isTaken(count) else { return 0 }
        body.append(part)
        return part.count
    }

    private func isTaken(_ bytes: Int) -> Bool {
        guard let acceptsResponse = request?.acceptsResponse, !acceptsResponse(bytes) else { return true }
        refusal = .cancelled
        return false
    }

    /// Room for the whole body, where the response says how long it is; false when that is over the limit or not wanted.
    private func reserveBody() -> Bool {
        var length: curl_off_t = -1
        ccurl_get_offset(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length)
        guard length >= 0 else { return true }
        guard length <= responseLimit else {
            refusal = .responseTooLarge(limit: responseLimit, actual: Int(length))
            return false
        }
        isLengthKnown = true
        guard isTaken(Int(length)) else { return false }
        body.reserve(Int(length))
        return true
    }

    // MARK: Errors

    private func error(_ code: CURLcode, now: EventLoop.Instant) -> TransportError {
        let reason = errorText.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: errorText)
        switch code {
        case CURLE_OPERATION_TIMEDOUT: return timeLimit(now)
        case CURLE_COULDNT_RESOLVE_HOST: return .nameNotResolved(host: endpoint?.host ?? "")
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED, CURLE_PROXY:
            return .notConnected(reason: reason + systemError)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_USE_SSL_FAILED:
            return .tls(reason: reason)
        case CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND:
            return .cut(reason: reason)
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING:
            return .badResponse(reason: reason)
        default:
            return .other(code: Int(code.rawValue), reason: reason)
        }
    }

    /// What the system said of the connection that could not be made: libcurl's text mostly leaves it out.
    private var systemError: String {
        var number = 0
        ccurl_get_long(easy, CURLINFO_OS_ERRNO, &number)
        return number > 0 ? ": \(String(cString: strerror(Int32(truncatingIfNeeded: number))))" : ""
    }

    /// libcurl has one code for its three limits.
    private func timeLimit(_ now: EventLoop.Instant) -> TransportError {
        let lasted = startedAt.map { now - $0 } ?? .zero
        if lasted + .milliseconds(20) >= timeout { return .timedOut(.total, after: timeout) }
        var connected: curl_off_t = 0
        ccurl_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &connected)
        return .timedOut(connected == 0 ? .connect : .noProgress, after: lasted)
    }

    private func set(_ option: CURLoption, _ value: Int) {
        let code = ccurl_set_long(easy, option, value)
        precondition(code == CURLE_OK, "curl_easy_setopt")
    }
}

extension Duration {
    /// Whole milliseconds in libcurl's range for a time-out.
    fileprivate var clampedMilliseconds: Int64 {
        min(max(0, wholeMillisecondsRoundedUp), Int64(Int32.max))
    }

    private var wholeMillisecondsRoundedUp: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < Int64(Int32.max) else { return Int64(Int32.max) }
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
