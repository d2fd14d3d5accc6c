import AWS
import Bytes

/// The troubles of a subscription that a test has ordered: what is done to its events on their way out. Performs no I/O.
struct FrameFaults {
    enum Action: Equatable {
        /// These pieces are written, each by itself.
        case write([ByteBuffer])
        /// These are, and the connection is cut.
        case cut([ByteBuffer])
        /// This is, and the response ends in order.
        case end([ByteBuffer])
        /// Nothing comes any more.
        case fallSilent

        static func == (left: Action, right: Action) -> Bool {
            switch (left, right) {
            case (.write(let a), .write(let b)), (.cut(let a), .cut(let b)), (.end(let a), .end(let b)):
                a.map(\.array) == b.map(\.array)
            case (.fallSilent, .fallSilent): true
            default: false
            }
        }
    }

    private let faults: [FaultPlan.Fault]
    /// Messages that went by, the initial response among them.
    private var count = 0

    init(_ faults: [FaultPlan.Fault]) {
        self.faults = faults
    }

    /// What becomes of the next message.
    mutating func next(_ message: EventStreamMessage) -> Action {
        defer { count += 1 }
        let frame = ByteBuffer(capacity: message.payload.count + 256)
        message.write(to: frame)
        let due = faults.filter { $0.events <= count }
        for fault in due {
            switch fault.kind {
            case .cutFrame: return .cut([frame.piece(0..<frame.count / 2)])
            case .badChecksum: frame.base[frame.count - 1] ^= 1
            case .silence: return .fallSilent
            case .endEarly: return .end([])
            case .exception:
                let exception = ByteBuffer()
                EventStreamMessage.exception(ServiceFault(code: fault.code, message: "Ordered by a test."))
                    .write(to: exception)
                return .end([exception])
            default: continue
            }
        }
        guard due.contains(where: { $0.kind == .splitFrames }) else { return .write([frame]) }
        return .write((0..<frame.count).map { frame.piece($0..<$0 + 1) })
    }
}

extension ByteBuffer {
    fileprivate func piece(_ range: Range<Int>) -> ByteBuffer {
        ByteBuffer(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
}
