/// What did not come to whoever collects telemetry. Performs no I/O.
package struct ExportCounters: Equatable, Sendable {
    /// Requests that were not taken.
    package var failedRequests: Int
    /// Spans for which there was no room, or that were not taken.
    package var droppedSpans: Int

    package init(failedRequests: Int, droppedSpans: Int) {
        self.failedRequests = failedRequests
        self.droppedSpans = droppedSpans
    }
}
