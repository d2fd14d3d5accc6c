import Bytes
import Logging
import Reactor
import Time

/// One service of AWS over its JSON 1.1 protocol: signs, sends, retries, corrects the clock, refreshes credentials.
///
/// Confined to its loop.
package final class AWSClient: @unchecked Sendable {
    package let service: String
    package let region: Region
    package let endpoint: Endpoint
    package var loop: EventLoop { transport.loop }

    /// When the last response came, errors of the service included.
    package private(set) var lastResponse: WallTime?
    /// The failures of the last five minutes.
    package private(set) var recentExceptions = RecentExceptions()
    /// How far the service's clock is from ours.
    package private(set) var skew = ClockSkew()
    /// Called with the target when a request is handed to the transport: the added-latency benchmark's hook.
    package var onRequestStarted: ((String) -> Void)?

    private let transport: Transport
    private let credentials: CredentialsChain
    private let signer: SignatureV4
    private let userAgent: String
    private let logger: Logger
    private let random: () -> Double

    package init(
        service: String, region: Region, endpoint: Endpoint, credentials: CredentialsChain, transport: Transport,
        userAgent: String = "kinesis-sidecar", logger: Logger,
        random: @escaping () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.service = service
        self.region = region
        self.endpoint = endpoint
        self.credentials = credentials
        self.transport = transport
        self.userAgent = userAgent
        self.logger = logger
        self.random = random
        signer = SignatureV4(region: region.name, service: service)
    }

    /// Calls an operation, e.g. target `Kinesis_20131202.ListShards`, and returns the body of its 200.
    ///
    /// Whatever `retry` says, a skewed clock is corrected once and stale credentials are read anew once.
    /// - Parameters:
    ///   - body: JSON; nobody writes to it until this returns.
    ///   - timeout: of each attempt.
    ///   - retry: nil leaves every other failure to the caller. Given, passing faults are waited out as it says, and
    ///     what only people can mend (access, keys, certificates) is tried again every 30 to 60 s.
    ///   - isRepeatable, acceptsResponse: as in `TransportRequest`.
    package func call(
        target: String, body: ByteBuffer, timeout: Duration, retry: RetryPolicy?, isRepeatable: Bool = true,
        acceptsResponse: (@Sendable (_ bytes: Int) -> Bool)? = nil
    ) async throws(AWSError) -> ByteBuffer {
        let started = loop.now
        let hash = await Digest.sha256(body, on: loop)
        var mending = Mending()
        var failures = 0
        while true {
            do throws(AWSError) {
                return try await attempt(target, body, hash, timeout, isRepeatable, acceptsResponse, &mending)
            } catch {
                if case .cancelled = error { throw error }
                failures += 1
                recentExceptions.record(error, now: .now())
                if mending.isDone(with: error, skew: &skew) { continue }
                let elapsed = loop.now - started
                guard let delay = delay(retry, after: error, failures: failures, elapsed: elapsed) else { throw error }
                log(error, target, failures, delay)
                try await pause(delay)
            }
        }
    }

    // MARK: One attempt

    private func attempt(
        _ target: String, _ body: ByteBuffer, _ hash: SHA256Value, _ timeout: Duration, _ isRepeatable: Bool,
        _ acceptsResponse: (@Sendable (Int) -> Bool)?, _ mending: inout Mending
    ) async throws(AWSError) -> ByteBuffer {
        let now = WallTime.now()
        let signedWith: Credentials
        do throws(CredentialsError) {
            signedWith = try await credentials.credentials(now: now)
        } catch {
            throw .credentials(error)
        }
        let headers = headers(target, hash, signedWith, skew.corrected(now))
        var request = TransportRequest(endpoint: endpoint, headers: headers, body: body, timeout: timeout)
        request.acceptsResponse = acceptsResponse
        request.isRepeatable = isRepeatable
        let response: TransportResponse
        onRequestStarted?(target)
        do throws(TransportError) {
            response = try await transport.send(request)
        } catch {
            throw error == .cancelled ? .cancelled : .transport(error)
        }
        lastResponse = .now()
        if (200..<300).contains(response.status) { return response.body }
        let error = ServiceError(response)
        if error.disposition == .refreshCredentials { credentials.expired(signedWith) }
        throw .service(error)
    }

    /// The signed headers in the order of their names, which is how the signature needs them, and the two that nobody
    /// signs: proxies may change User-Agent.
    private func headers(_ target: String, _ hash: SHA256Value, _ credentials: Credentials, _ time: WallTime)
        -> [(name: String, value: String)]
    {
        var headers: [(name: String, value: String)] = []
        headers.reserveCapacity(7)
        headers.append(("content-type", "application/x-amz-json-1.1"))
        headers.append(("host", endpoint.authority))
        headers.append(("x-amz-date", signer.date(time)))
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token.exposed)) }
        headers.append(("x-amz-target", target))
        let canonical = CanonicalRequest(
            method: "POST", path: endpoint.path, headers: headers, bodyHash: hash)
        let authorization = signer.authorization(canonical, credentials: credentials, time: time)
        headers.append(("authorization", authorization))
        headers.append(("user-agent", userAgent))
        return headers
    }

    // MARK: After a failure

    private func delay(_ retry: RetryPolicy?, after error: AWSError, failures: Int, elapsed: Duration) -> Duration? {
        let random = random()
        guard let retry, let least = error.disposition.leastDelay(random: random) else { return nil }
        // A policy that ends has somebody who waits: what only people can mend is told at once.
        guard retry.forever || least <= retry.maxTimeout else { return nil }
        return retry.nextDelay(attempt: failures, elapsed: elapsed, random: random, least: least)
    }

    private func log(_ error: AWSError, _ target: String, _ failures: Int, _ delay: Duration) {
        logger.warning(
            "A call to AWS failed and is tried again",
            metadata: [
                "target": "\(target)", "error": "\(error)", "failures": "\(failures)", "wait": "\(delay)",
            ])
    }

    private func pause(_ delay: Duration) async throws(AWSError) {
        do throws(CancellationError) {
            try await loop.sleep(for: delay)
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
