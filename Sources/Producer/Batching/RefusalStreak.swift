/// Decides whether a refusal that does not say what it blames is the call's after all. Performs no I/O.
///
/// A call of several requests that is refused so is split, because one of them may be the cause. Where the call or its stream
/// is, every part is refused in the same words, down to each request alone. `PutBatcher.split` asks for the first parts of
/// different ends of the call first, so that a few requests speak for all.
struct RefusalStreak {
    /// Requests that are refused alone, before anything has passed, until the words count as the call's.
    static let mostAlone = 4

    private struct Fault: Equatable {
        let code: String
        let message: String
    }

    /// What refused the last whole call, nil where something has passed since, or was refused in other words.
    private var streak: (fault: Fault, alone: Int)?

    /// The service took a call: what it refuses is content.
    mutating func passed() {
        streak = nil
    }

    /// A call or a part of one was refused. Returns whether a part of it may still pass.
    mutating func refused(_ error: PutError, isPart: Bool, requests: Int) -> Bool {
        let (code, message) = error.asEntry
        let fault = Fault(code: code, message: message)
        guard isPart else {
            if requests > 1 { streak = (fault, 0) }
            return true
        }
        guard let (known, alone) = streak, known == fault else {
            streak = nil
            return true
        }
        guard alone < Self.mostAlone else { return false }
        if requests == 1 { streak = (fault, alone + 1) }
        return true
    }
}
