import Time

/// What tells this process from others, and what it has of the machine.
package struct ProcessFacts: Sendable {
    package struct Figures: Sendable {
        package var residentBytes: Int
        package var openFiles: Int
        /// The limit of those (RLIMIT_NOFILE).
        package var mostOpenFiles: Int
        /// Of all threads, in user and system mode.
        package var processorTime: Duration

        package init(residentBytes: Int, openFiles: Int, mostOpenFiles: Int, processorTime: Duration) {
            self.residentBytes = residentBytes
            self.openFiles = openFiles
            self.mostOpenFiles = mostOpenFiles
            self.processorTime = processorTime
        }
    }

    package var host = ""
    package var pid = 0
    package var startedOn = WallTime(milliseconds: 0)
    /// Asks the kernel; nil where it does not say.
    package var figures: @Sendable () -> Figures? = { nil }
    /// Lines of the log that were lost since the start.
    package var lostLogLines: @Sendable () -> Int = { 0 }

    package init() {}
}
