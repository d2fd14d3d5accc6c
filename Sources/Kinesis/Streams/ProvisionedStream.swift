import AWS
import Reactor

/// A stream that can be read and written.
package struct ProvisionedStream: Sendable {
    package let summary: StreamSummary
    /// It came to be while it was waited for.
    package let isNew: Bool

    /// Carries out a `StreamProvision`: waits until the stream is usable, and creates it where that is allowed. Confined to
    /// the loop.
    /// - Parameters:
    ///   - describe: one DescribeStreamSummary.
    ///   - create: one CreateStream.
    package init(
        _ provision: consuming StreamProvision, on loop: EventLoop,
        describe: () async throws(AWSError) -> StreamSummary, create: (StreamCapacity) async throws(AWSError) -> Void
    ) async throws(StreamProvisionError) {
        var provision = provision
        var step = StreamProvision.Step.look(at: loop.now)
        while true {
            switch step {
            case .look(let moment):
                if moment > loop.now { do { try await loop.sleep(until: moment) } catch { throw .cancelled } }
                do throws(AWSError) {
                    step = provision.described(try await describe(), now: loop.now)
                } catch {
                    step = provision.describeFailed(error, now: loop.now)
                }
            case .create(let capacity):
                do throws(AWSError) {
                    try await create(capacity)
                    step = provision.created(now: loop.now)
                } catch {
                    step = provision.createFailed(error, now: loop.now)
                }
            case .ready(let summary):
                self.summary = summary
                isNew = provision.isNew
                return
            case .fail(let error): throw error
            }
        }
    }
}
