import Kinesis
import Reactor

/// What one put, whose trace is recorded, waited for: the calls that carried its records. Confined to its loop.
package final class PutTrace: @unchecked Sendable {
    package struct Call: Sendable {
        /// PutRecords or PutRecord.
        package let operation: String
        package let started: EventLoop.Instant
        package let ended: EventLoop.Instant
        /// Of this put that the call carried.
        package internal(set) var records: Int
        /// Why it failed; nil: it was answered.
        package let failure: String?
    }

    /// Calls that are kept: what is tried again for half a minute makes no more.
    private static let most = 64

    package private(set) var calls: [Call] = []
    /// Where the put goes; nil until it is read.
    package var stream: StreamName?
    /// Records of the put.
    package internal(set) var recordCount = 0
    private var lastCall: Int?

    package init() {}

    /// A record of the put was in a call that is over.
    /// - Parameter number: the same for each record of one call.
    func note(_ call: Call, number: Int) {
        if lastCall == number {
            calls[calls.count - 1].records += 1
        } else if calls.count < Self.most {
            calls.append(call)
            lastCall = number
        } else {
            lastCall = nil
        }
    }
}
