import Time

/// What tells this process from others, and what it has of the machine.
package struct ProcessFacts: Sendable {
    package struct Figures: Sendable {
        package var residentBytes: Int
        package var openFiles: Int

        package init(residentBytes: Int, openFiles: Int) {
            self.residentBytes = residentBytes
            self.openFiles = openFiles
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
