import Bytes
import Logging
import Reactor
import Telemetry
import Time

/// One service of AWS: signs, sends, retries, corrects the clock, refreshes credentials.
///
/// Confined to its loop.
package final class AWSClient: @unchecked Sendable {
    package let service: String
    package let serviceProtocol: ServiceProtocol
    package let region: Region
    package let endpoint: ServiceEndpoint
    package var loop: EventLoop { transport.loop }

    /// When the last response came, errors of the service included.
    package private(set) var lastResponse: WallTime?
    /// The failures of the last five minutes.
    package private(set) var recentExceptions = RecentExceptions()
    /// How far the service's clock is from ours.
    package private(set) var skew = ClockSkew()
    /// How long the service took for a response, or for its head where it is a stream, by operation; failures of the transport
    /// count too.
    package private(set) var requestDurations: [String: Histogram] = [:]
    /// Called when a response has come after a connection could not be made: whoever waits for that need wait no longer.
    package var onReturn: (() -> Void)? {
        get { reachability.onReturn }
        set { reachability.onReturn = newValue }
    }
    /// Called with the name of a request when it is handed to the transport: the added-latency benchmark's hook.
    package var onRequestStarted: ((String) -> Void)?

    private let transport: Transport
    private let reachability: Reachability
    /// Nil: every request goes unsigned.
    private let credentials: CredentialsChain?
    private let signer: SignatureV4
    private let userAgent: String
    private let logger: Logger
    private let random: () -> Double

    package init(
        service: String, serviceProtocol: ServiceProtocol, region: Region, endpoint: ServiceEndpoint,
        credentials: CredentialsChain?, transport: Transport, userAgent: String = "kinesis-sidecar", logger: Logger,
        random: @escaping () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.service = service
        self.serviceProtocol = serviceProtocol
        self.region = region
        self.endpoint = endpoint
        self.credentials = credentials
        self.transport = transport
        reachability = Reachability(loop: transport.loop)
        self.userAgent = userAgent
        self.logger = logger
        self.random = random
        signer = SignatureV4(region: region.name, service: service)
    }

    /// The same service elsewhere, with the same credentials over the same connections.
    package func sibling(region: Region, endpoint: Endpoint) -> AWSClient {
        AWSClient(
            service: service, serviceProtocol: serviceProtocol, region: region,
            endpoint: ServiceEndpoint(endpoint), credentials: credentials, transport: transport, userAgent: userAgent,
            logger: logger, random: random)
    }

    /// Sends a request until it succeeds or is given up, and returns the response of its success.
    ///
    /// Whatever `retry` says, a skewed clock is corrected once and stale credentials are read anew once.
    /// - Parameter retry: nil leaves every other failure to the caller. Given, passing faults are waited out as it says, and
    ///   what only people can mend (access, keys, certificates) is tried again every 30 to 60 s.
    package func send(_ request: AWSRequest, retry: Retrying?) async throws(AWSError) -> AWSResponse {
        let started = loop.now
        let path = request.sentPath(endpoint.shared)
        let query = request.sentQuery
        let hash = if let body = request.body { await Digest.sha256(body, on: loop) } else { Digest.sha256("") }
        var mending = Mending()
        var failures = 0
        while true {
            do throws(AWSError) {
                return try await attempt(request, path, query, hash)
            } catch {
                if case .cancelled = error { throw error }
                failures += 1
                if !error.isExpected(among: request.expectedCodes) { recentExceptions.record(error, now: .now()) }
                if mending.isDone(with: error, skew: &skew) { continue }
                let elapsed = loop.now - started
                guard let retry,
                    let delay = delay(retry.policy, after: error, failures: failures, elapsed: elapsed)
                else { throw error }
                log(error, request, failures, delay)
                retry.onFailure(error)
                try await pause(delay, after: error)
            }
        }
    }

    /// Sends a request whose response is a stream of messages, once; a skewed clock is corrected once and stale credentials are
    /// read anew once. Returns when the stream begins.
    package func stream(_ request: AWSRequest) async throws(AWSError) -> EventStream {
        let path = request.sentPath(endpoint.shared)
        let query = request.sentQuery
        let hash = if let body = request.body { await Digest.sha256(body, on: loop) } else { Digest.sha256("") }
        var mending = Mending()
        while true {
            do throws(AWSError) {
                return try await begin(request, path, query, hash)
            } catch {
                if case .cancelled = error { throw error }
                recentExceptions.record(error, now: .now())
                guard mending.isDone(with: error, skew: &skew) else { throw error }
            }
        }
    }

    // MARK: One attempt

    /// Inlined, so that a call has one frame: the allocator of tasks takes new memory for each large one.
    /// - Parameters path, query: as they are sent.
    @inline(__always)
    private func attempt(
        _ request: AWSRequest, _ path: String, _ query: String?, _ hash: SHA256Value
    ) async throws(AWSError) -> AWSResponse {
        let signedWith = request.isSigned ? try await usableCredentials() : nil
        let sent = try signed(request, path, query, hash, signedWith)
        let response: AWSResponse
        onRequestStarted?(request.name)
        let started = loop.now
        defer { took(loop.now - started, request) }
        do throws(TransportError) {
            response = AWSResponse(try await transport.send(sent))
        } catch {
            throw failed(error)
        }
        responded()
        if response.isSuccess { return response }
        throw refusal(response, request, signedWith)
    }

    /// Bytes of a response that is no stream where one was asked for: an error has a few hundred.
    private static let longestRefusal = 64 << 10

    private func begin(
        _ request: AWSRequest, _ path: String, _ query: String?, _ hash: SHA256Value
    ) async throws(AWSError) -> EventStream {
        let signedWith = request.isSigned ? try await usableCredentials() : nil
        var sent = try signed(request, path, query, hash, signedWith)
        sent.responseLimit = Self.longestRefusal
        let opening: TransportOpening
        onRequestStarted?(request.name)
        let started = loop.now
        defer { took(loop.now - started, request) }
        do throws(TransportError) {
            opening = try await transport.stream(sent)
        } catch {
            throw failed(error)
        }
        responded()
        switch opening {
        case .response(let response): throw refusal(AWSResponse(response), request, signedWith)
        case .stream(let response): return try eventStream(response, signedWith)
        }
    }

    private func eventStream(_ response: ResponseStream, _ signedWith: Credentials?) throws(AWSError) -> EventStream {
        let type = response.head.headers.first("content-type") ?? "none"
        guard type == EventStream.contentType else {
            throw .response(
                reason: "a stream of the type \(EventStream.contentType) was expected, not \(type)",
                requestID: response.head.headers.requestID)
        }
        return EventStream(response) { [weak self] error in
            guard let self else { return }
            guard let error else { return lastResponse = .now() }
            recentExceptions.record(error, now: .now())
            if error.disposition == .refreshCredentials { refused(signedWith) }
        }
    }

    private func refused(_ signedWith: Credentials?) {
        if let signedWith { credentials?.expired(signedWith) }
    }

    @inline(__always)
    private func usableCredentials() async throws(AWSError) -> Credentials? {
        do throws(CredentialsError) {
            return try await credentials?.credentials()
        } catch {
            throw error == .cancelled ? .cancelled : .credentials(error)
        }
    }

    private func signed(
        _ request: AWSRequest, _ path: String, _ query: String?, _ hash: SHA256Value, _ credentials: Credentials?
    ) throws(AWSError) -> TransportRequest {
        let endpoint: Endpoint
        do throws(CredentialsError) {
            endpoint = try self.endpoint.endpoint(for: credentials)
        } catch {
            throw .credentials(error)
        }
        let headers = headers(request, endpoint, path, query, hash, credentials, skew.corrected(.now()))
        var sent = TransportRequest(
            method: request.method, endpoint: endpoint, headers: headers, body: request.body, timeout: request.timeout)
        sent.path = path
        sent.query = query
        sent.acceptsResponse = request.acceptsResponse
        sent.isRepeatable = request.isRepeatable
        return sent
    }

    private func failed(_ error: TransportError) -> AWSError {
        reachability.failed(error)
        return error == .cancelled ? .cancelled : .transport(error)
    }

    private func took(_ time: Duration, _ request: AWSRequest) {
        guard let name = request.operationName else { return }
        requestDurations[name, default: Histogram(.latency)].record(time)
    }

    private func responded() {
        lastResponse = .now()
        reachability.responded()
    }

    private func refusal(_ response: AWSResponse, _ request: AWSRequest, _ signedWith: Credentials?) -> AWSError {
        let error = serviceProtocol.error(response, expectedCodes: request.expectedCodes)
        if error.disposition == .refreshCredentials { refused(signedWith) }
        return .service(error)
    }

    /// The signed headers, which for a protocol without headers of its own are in the order of their names as the signature
    /// needs them, and the two that nobody signs: proxies may change User-Agent.
    private func headers(
        _ request: AWSRequest, _ endpoint: Endpoint, _ path: String, _ query: String?, _ hash: SHA256Value,
        _ credentials: Credentials?, _ time: WallTime
    ) -> [(name: String, value: String)] {
        let isS3 = serviceProtocol == .s3
        var headers: [(name: String, value: String)] = []
        headers.reserveCapacity(8 + request.headers.count)
        if let contentType = request.contentType { headers.append(("content-type", contentType)) }
        headers.append(("host", endpoint.authority))
        if isS3 { headers.append(("x-amz-content-sha256", hash.hex)) }
        guard let credentials else {
            headers += request.headers
            headers.append(("user-agent", userAgent))
            return headers
        }
        headers.append(("x-amz-date", signer.date(time)))
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token.exposed)) }
        if let target = request.target { headers.append(("x-amz-target", target)) }
        headers += request.headers
        let canonical = CanonicalRequest(
            method: request.method.rawValue, path: path, query: query, headers: headers, bodyHash: hash,
            normalizesPath: !isS3, encodesPath: !isS3)
        let authorization = signer.authorization(canonical, credentials: credentials, time: time)
        headers.append(("authorization", authorization))
        headers.append(("user-agent", userAgent))
        return headers
    }

    // MARK: After a failure

    private func delay(_ retry: RetryPolicy, after error: AWSError, failures: Int, elapsed: Duration) -> Duration? {
        let random = random()
        guard let least = error.disposition.leastDelay(random: random) else { return nil }
        // A policy that ends has somebody who waits: what only people can mend is told at once.
        guard retry.forever || least <= retry.maxTimeout else { return nil }
        return retry.nextDelay(
            attempt: failures, elapsed: elapsed, random: random, least: least, longest: error.longestDelay)
    }

    private func log(_ error: AWSError, _ request: AWSRequest, _ failures: Int, _ delay: Duration) {
        logger.warning(
            "a call to AWS failed and is tried again",
            metadata: [
                "service": "\(service)", "operation": "\(request.operationName ?? request.name)", "error": "\(error)",
                "times": .stringConvertible(failures), "milliseconds": .stringConvertible(delay.wholeMilliseconds),
            ])
    }

    private func pause(_ delay: Duration, after error: AWSError) async throws(AWSError) {
        do throws(CancellationError) {
            if error.isUnreachable {
                try await reachability.wait(until: loop.now + delay)
            } else {
                try await loop.sleep(for: delay)
            }
        } catch {
            throw .cancelled
        }
    }
}

/// What a call has already done to mend its own request; each is done at most once. Performs no I/O.
struct Mending {
    private var hasCorrectedClock = false
    private var hasRefreshedCredentials = false

    /// Whether another attempt at once makes sense; takes the service's time into `skew`.
    mutating func isDone(with error: AWSError, skew: inout ClockSkew, now: WallTime = .now()) -> Bool {
        guard case .service(let error) = error else { return false }
        switch error.disposition {
        case .clockSkew where !hasCorrectedClock:
            guard let date = error.date, skew.measured(date: date, now: now) else { return false }
            hasCorrectedClock = true
            return true
        case .refreshCredentials where !hasRefreshedCredentials:
            hasRefreshedCredentials = true
            return true
        default:
            return false
        }
    }
}
