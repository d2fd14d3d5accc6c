import AWS
import Kinesis

/// Decides how a consumer of a name comes to be registered for a stream and active. Performs no I/O.
///
/// ```
/// look ── active ─────────────────────────────────▶ ready
///  ▲ ├─── creating, deleting ──────────────────┐
///  │ ├─── missing ──▶ register ── registered ──┤
///  │ │                   └────── name taken ───┤
///  │ └─── any other failure, the time is over ─┼──▶ fail
///  └────────────────────── after a pause ◀─────┘
/// ```
struct Registration: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Step: Equatable, Sendable {
        case look(at: Instant)
        case register
        case ready(RegisteredConsumer)
        case fail(Failure)
    }

    enum Failure: Error, Equatable, Sendable {
        case service(AWSError)
        /// There is none of that ARN.
        case missing
        /// It is still so after all that time.
        case notReady(status: String)
        case cancelled
    }

    /// The pause before the second look; each further one is twice as long.
    static let firstPause: Duration = .milliseconds(100)
    /// DescribeStreamConsumer: 20 calls a second are all that an account has.
    static let longestPause: Duration = .seconds(3)

    private let deadline: Instant
    /// Whether it is waited for until it is active; else it is enough that it is registered.
    private let untilActive: Bool
    private var pause = Self.firstPause
    private var status = "missing"

    init(untilActive: Bool = true, patience: Duration, now: Instant) {
        self.untilActive = untilActive
        deadline = now + patience
    }

    mutating func described(_ consumer: RegisteredConsumer, now: Instant) -> Step {
        status = consumer.status.rawValue
        let isReady = consumer.status == .active || !untilActive && consumer.status == .creating
        return isReady ? .ready(consumer) : lookAgain(now)
    }

    mutating func describeFailed(_ error: AWSError, now: Instant) -> Step {
        switch error.disposition {
        case .notFound: return .register
        case .cancelled: return .fail(.cancelled)
        default: return .fail(.service(error))
        }
    }

    mutating func registerFailed(_ error: AWSError, now: Instant) -> Step {
        switch error.disposition {
        // Somebody else was faster, or the name's last consumer is DELETING.
        case .resourceInUse: return lookAgain(now)
        case .cancelled: return .fail(.cancelled)
        default: return .fail(.service(error))
        }
    }

    private mutating func lookAgain(_ now: Instant) -> Step {
        guard now < deadline else { return .fail(.notReady(status: status)) }
        defer { pause = min(pause * 2, Self.longestPause) }
        return .look(at: now + pause)
    }
}

extension RegisteredConsumer {
    /// Carries out a `Registration`. Confined to the loop.
    /// - Parameter subject: one of that ARN is not registered where it is missing.
    init(
        _ registration: consuming Registration, _ subject: DescribeStreamConsumer.Subject, of stream: StreamName,
        in context: EngineContext, retry: Retrying?
    ) async throws(Registration.Failure) {
        var registration = registration
        let loop = context.loop
        var step = Registration.Step.look(at: loop.now)
        while true {
            switch step {
            case .look(let moment):
                if moment > loop.now { do { try await loop.sleep(until: moment) } catch { throw .cancelled } }
                do throws(AWSError) {
                    let found = try await context.source.call(
                        DescribeStreamConsumer(subject), of: stream, retry: retry)
                    step = registration.described(found, now: loop.now)
                } catch {
                    step = registration.describeFailed(error, now: loop.now)
                }
            case .register:
                guard case .name(let name, let streamARN) = subject else { throw .missing }
                do throws(AWSError) {
                    let made = try await context.source.call(
                        RegisterStreamConsumer(streamARN: streamARN, consumer: name), of: stream, retry: retry)
                    step = registration.described(made, now: loop.now)
                } catch {
                    step = registration.registerFailed(error, now: loop.now)
                }
            case .ready(let consumer):
                self = consumer
                return
            case .fail(let failure): throw failure
            }
        }
    }
}

extension Registration.Failure: CustomStringConvertible {
    var description: String {
        switch self {
        case .service(let error): "\(error)"
        case .missing: "the consumer is not registered"
        case .notReady(let status): "the consumer is \(status) after all that time"
        case .cancelled: "cancelled"
        }
    }

    /// Whether it is what only people can mend: a right that is missing, a limit, or a service that has no such operation.
    var isLasting: Bool {
        guard case .service(let error) = self else { return false }
        switch error.disposition {
        case .denied, .limitExceeded, .fatal: return true
        default: return false
        }
    }
}
