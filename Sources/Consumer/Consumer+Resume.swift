import Kinesis
import Logging
import State

/// What becomes of a Last-Event-ID.
extension Consumer {
    /// What is known of a Last-Event-ID, and of what its client had before.
    indirect enum LastEvent {
        /// The log knows it.
        case known(EventID, Resumption, isWhole: Bool)
        /// Readers acknowledge what they got: what a connection was sent says nothing.
        case doesNotCount
        /// A tail has no log.
        case ofTail(String)
        case unknown(String)
        case unreadable(EventID, StateError)

        /// What the client is to get again; nil when only the checkpoints say where it goes on.
        var resumption: Resumption? {
            if case .known(_, let resumption, _) = self { resumption } else { nil }
        }
    }

    /// The client's former connections that have not ended yet: the event's, or one with which it came back and of which
    /// it got nothing newer. Where the log cannot be asked, the first of them only.
    func formerReaders(_ text: String?) async -> [RecordsReader] {
        guard let event = text.flatMap(EventID.init) else { return [] }
        let line: [ReaderID]
        do { line = try await scope.sent.line(from: event.reader) } catch { line = [event.reader] }
        return line.compactMap { session?.readers[$0] }
    }

    /// nil without a Last-Event-ID.
    func lookUp(_ text: String?) async -> LastEvent? {
        guard let text else { return nil }
        if scope.isTail { return .ofTail(text) }
        guard options.useAutoCheckpoints else { return .doesNotCount }
        guard let event = EventID(text) else { return .unknown(text) }
        do throws(StateError) {
            guard let sent = try await scope.sent.sent(after: event) else { return .unknown(text) }
            return .known(
                event, Resumption(readers: sent.readers, stretches: sent.stretches), isWhole: sent.isWhole)
        } catch {
            return .unreadable(event, error)
        }
    }
}

extension ReadingSession {
    /// Tells a reader that has come back where it goes on, where that is not right behind its last event.
    func tell(_ reader: RecordsReader, _ lastEvent: Consumer.LastEvent) {
        switch lastEvent {
        case .known(_, _, isWhole: true), .doesNotCount: break
        case .known(let event, _, isWhole: false):
            reader.notify(.lastEventTooOld(event, places: places(of: reader)))
        case .ofTail(let text): reader.notify(.lastEventOfTail(text, places: places(of: reader)))
        case .unknown(let text): reader.notify(.lastEventUnknown(text, places: places(of: reader)))
        case .unreadable(let event, let error):
            logger.warning("the delivery log cannot be asked", metadata: ["error": "\(error)"])
            reader.notify(.logUnreadable(event, error, places: places(of: reader)))
        }
    }
}
