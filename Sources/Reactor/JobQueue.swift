/// The jobs that are ready to run, first in, first out: a ring that doubles when it is full.
///
/// Performs no I/O. Bounded by the number of live tasks, each of which is queued at most once.
struct JobQueue {
    private var ring: [UnownedJob?]
    private var head = 0
    private(set) var count = 0

    init() {
        ring = Array(repeating: nil, count: 256)
    }

    var isEmpty: Bool { count == 0 }

    mutating func push(_ job: UnownedJob) {
        if count == ring.count { double() }
        ring[(head &+ count) & (ring.count &- 1)] = job
        count &+= 1
    }

    mutating func pop() -> UnownedJob? {
        guard count > 0 else { return nil }
        let job = ring[head]
        head = (head &+ 1) & (ring.count &- 1)
        count &-= 1
        return job
    }

    private mutating func double() {
        var larger = [UnownedJob?](repeating: nil, count: ring.count * 2)
        for index in 0..<count { larger[index] = ring[(head + index) & (ring.count - 1)] }
        ring = larger
        head = 0
    }
}
