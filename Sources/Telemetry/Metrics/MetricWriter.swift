/// Takes metrics one after the other and writes them as some reader wants them. Performs no I/O.
///
/// Whoever has metrics names and explains them once, for every writer. One caller at a time, on the loop of what is told.
package protocol MetricWriter: AnyObject, Sendable {
    /// Begins a metric: what is added until the next one begins are its samples. One without samples is left out.
    func begin(_ name: String, _ kind: MetricKind, _ help: String)
    func add(_ labels: MetricLabels, _ value: Double)
    func add(_ labels: MetricLabels, _ value: Int)
    /// A sample of a metric of the kind `histogram`, which has no others.
    func add(_ labels: MetricLabels, _ value: Histogram)
}

package typealias MetricLabels = [(name: StaticString, value: String)]

package enum MetricKind: String, Sendable {
    /// Only grows; begins at zero with the process.
    case counter
    /// Goes up and down.
    case gauge
    /// Times by how long they were; counts as a counter does.
    case histogram
}

extension MetricWriter {
    /// A metric with what `samples` adds.
    package func metric(_ name: String, _ kind: MetricKind, _ help: String, _ samples: (Self) -> Void) {
        begin(name, kind, help)
        samples(self)
    }

    /// The same where the samples are so many that `samples` lets others have their turn between them.
    package func slicedMetric(
        _ name: String, _ kind: MetricKind, _ help: String, _ samples: (Self) async -> Void
    ) async {
        begin(name, kind, help)
        await samples(self)
    }

    /// A metric of one sample without labels.
    package func metric(_ name: String, _ kind: MetricKind, _ help: String, _ value: Double) {
        metric(name, kind, help) { $0.add([], value) }
    }

    package func metric(_ name: String, _ kind: MetricKind, _ help: String, _ value: Int) {
        metric(name, kind, help) { $0.add([], value) }
    }
}
