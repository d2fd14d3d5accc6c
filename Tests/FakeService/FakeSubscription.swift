import AWS
import Bytes
import Kinesis
import LocalKinesis
import Reactor

/// A subscription in process, with what a test does to it. Confined to its loop.
///
/// One message waits for whoever reads, as in a socket that is not read.
package final class FakeSubscription: ShardSubscription, @unchecked Sendable {
    private enum Waiting {
        case nothing
        case message(EventStreamMessage, isPermitted: Bool)
        case over(ShardSubscriptionPart)
    }

    package var onArrival: (() -> Void)?
    /// What comes is lost from here on, as where the peer has vanished.
    package var isSilent = false
    private let messages: KinesisService.Messages
    private let loop: EventLoop
    private var waiting = Waiting.nothing
    private var reader: Task<Void, Never>?

    init(_ messages: KinesisService.Messages, loop: EventLoop) {
        self.messages = messages
        self.loop = loop
        receive()
    }

    deinit {
        messages.close()
    }

    package var isOver: Bool {
        if case .over = waiting { true } else { false }
    }

    /// The subscription breaks.
    package func fail(_ error: AWSError) { arrived(.over(.failed(error))) }

    /// The service ends the subscription, as after 5 minutes.
    package func end() { arrived(.over(.end)) }

    private func receive() {
        reader = loop.spawn { [weak self, messages] in
            let message = await messages.next()
            guard let self, !isSilent, !isOver else { return }
            arrived(message.map { .message($0, isPermitted: false) } ?? .over(.end))
        }
    }

    private func arrived(_ what: Waiting) {
        waiting = what
        if case .over = what { messages.close() }
        onArrival?()
    }

    package func permit() {
        if case .message(let message, _) = waiting { waiting = .message(message, isPermitted: true) }
    }

    package func next() -> ShardSubscriptionPart {
        switch waiting {
        case .nothing: return .nothing
        case .over(let part): return part
        case .message(let message, isPermitted: false): return .arriving(bytes: message.payload.count + 100)
        case .message(let message, isPermitted: true):
            waiting = .nothing
            if let type = message.text(":exception-type") {
                let error = AWSError.service(ServiceError(code: type, message: "in the stream", status: 200))
                waiting = .over(.failed(error))
                return .failed(error)
            }
            receive()
            return message.text(":event-type") == "SubscribeToShardEvent" ? .event(message.payload) : .other
        }
    }
}

struct WeakSubscription {
    weak var subscription: FakeSubscription?
}
