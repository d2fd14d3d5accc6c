import Producer
import Reactor

/// Between the task that reads the puts of one request and the task that answers them, so that neither waits for the other more
/// than it must: several groups are on their way at once, and are answered in the order in which they were read.
///
/// What is on its way is bounded: at `maximumGroups` whoever reads waits. A group counts until it is answered, so a client that
/// takes no answers stops the reading. Confined to its loop.
final class PutPipeline: @unchecked Sendable {
    typealias Results = [Result<PutAnswer, PutError>]

    /// Groups that were put and not answered yet; no more are put beyond it. Two calls of 500 records are on their way at once, and
    /// a read of the body brings about 70 small records: so the next calls are ready too.
    static let maximumGroups = 64

    private let put: (PutLines.Group) async -> PutFeed.Answer
    private let changed: Gate
    /// In the order of their lines.
    private var sent: [(lines: PutLines, answers: [PutFeed.Answer])] = []
    private var groupsOnTheirWay = 0
    /// Nothing more is put.
    private(set) var isEnded = false

    /// - Parameter put: returns when the group is on its way, with what will be its answer.
    init(loop: EventLoop, put: @escaping (PutLines.Group) async -> PutFeed.Answer) {
        self.put = put
        changed = Gate(loop: loop)
    }

    // MARK: For the task that reads

    /// Puts these, and returns once there is room for others.
    func put(_ lines: PutLines) async {
        var answers: [PutFeed.Answer] = []
        for group in lines.groups { answers.append(await put(group)) }
        sent.append((lines, answers))
        groupsOnTheirWay += lines.groups.count
        changed.open()
        // Faults alone are no group, but their answers wait too.
        try? await changed.wait(while: { max(groupsOnTheirWay, sent.count) >= Self.maximumGroups })
    }

    func end() {
        isEnded = true
        changed.open()
    }

    // MARK: For the task that answers

    /// Gives what was put to `answer`, one after the other, with a result for each group; returns behind `end`, when all is
    /// answered.
    func answerAll(_ answer: (PutLines, Results) async -> Void) async {
        while let (lines, promised) = await next() {
            var results: Results = []
            for answer in promised { results.append(await answer.value) }
            await answer(lines, results)
            groupsOnTheirWay -= sent.removeFirst().lines.groups.count
            changed.open()
        }
    }

    private func next() async -> (PutLines, [PutFeed.Answer])? {
        try? await changed.wait(while: { sent.isEmpty && !isEnded })
        return sent.first
    }
}
