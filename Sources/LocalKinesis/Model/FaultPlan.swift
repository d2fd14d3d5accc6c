import JSON

/// Troubles that a test has ordered, each for some calls to come: throttling, failures, delays, cut connections, expired
/// iterators, failing entries. Performs no I/O.
///
/// `POST /_faults` orders one: `{"operation": "GetRecords", "kind": "throttle", "count": 3}`; `stream` and `shardId`
/// narrow it; `count` (default 1) is how many calls it hits, -1 all; `every` n hits each nth call only; `milliseconds` is
/// the length of a delay; `fraction` the share of a PutRecords' entries that fail; `events` (default 1) after how many messages
/// of a subscription it comes, the initial response among them; `code` the exception's. `DELETE /_faults` takes all back.
struct FaultPlan {
    enum Kind: String, CaseIterable {
        /// ProvisionedThroughputExceededException.
        case throttle
        /// InternalFailure with status 500.
        case fail
        /// The answer comes late.
        case delay
        /// The connection is cut before the operation is carried out.
        case cut
        /// The connection is cut after the operation was carried out: a put whose answer is lost.
        case cutAfter
        /// Entries of a PutRecords fail with ProvisionedThroughputExceededException.
        case failEntries
        /// Every iterator that was given until now counts as expired.
        case expireIterators
        /// Of a subscription: the connection is cut in the middle of an event.
        case cutFrame
        /// Of a subscription: an event's checksum is wrong.
        case badChecksum
        /// Of a subscription: nothing comes any more, and the connection stays.
        case silence
        /// Of a subscription: an exception comes instead of an event, and the response ends.
        case exception
        /// Of a subscription: the response ends in order.
        case endEarly
        /// Of a subscription: each byte is written by itself.
        case splitFrames
    }

    struct Fault: Equatable {
        var operation: String?
        var stream: String?
        var shardID: String?
        var kind: Kind
        var count = 1
        var every = 1
        var milliseconds = 0
        var fraction = 0.5
        var events = 1
        var code = "InternalFailureException"
    }

    private var faults: [(fault: Fault, seen: Int)] = []

    var pending: [Fault] { faults.map(\.fault) }

    mutating func order(_ fault: Fault) { faults.append((fault, 0)) }
    mutating func clear() { faults.removeAll() }

    /// The faults that hit this call; they are used up by it.
    mutating func take(operation: String, stream: String?, shardID: String?) -> [Fault] {
        var taken: [Fault] = []
        for index in faults.indices {
            let fault = faults[index].fault
            guard fault.count != 0, fault.operation == nil || fault.operation == operation,
                fault.stream == nil || fault.stream == stream, fault.shardID == nil || fault.shardID == shardID
            else { continue }
            faults[index].seen += 1
            guard faults[index].seen % fault.every == 0 else { continue }
            if fault.count > 0 { faults[index].fault.count -= 1 }
            taken.append(fault)
        }
        faults.removeAll { $0.fault.count == 0 }
        return taken
    }
}

extension FaultPlan.Fault {
    /// Reads an order; throws a sentence that names the field.
    init(_ json: JSONValue) throws(ServiceFault) {
        guard let members = json.object else { throw .validation("A fault is a JSON object.") }
        guard let name = json["kind"]?.string, let kind = FaultPlan.Kind(rawValue: name) else {
            let kinds = FaultPlan.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw .validation("kind must be one of \(kinds).")
        }
        self.init(kind: kind)
        for member in members {
            switch member.key {
            case "kind": continue
            case "operation":
                operation = try Self.text(member)
                guard Operation(rawValue: operation ?? "") != nil else {
                    throw .validation("There is no operation \(operation ?? "").")
                }
            case "stream": stream = try Self.text(member)
            case "shardId": shardID = try Self.text(member)
            case "code": code = try Self.text(member)
            case "events": events = try Self.integer(member, atLeast: 0)
            case "count": count = try Self.integer(member, atLeast: -1)
            case "every": every = try Self.integer(member, atLeast: 1)
            case "milliseconds": milliseconds = try Self.integer(member, atLeast: 0)
            case "fraction":
                guard let share = member.value.double, (0...1).contains(share) else {
                    throw .validation("fraction must be a number from 0 to 1.")
                }
                fraction = share
            default: throw .validation("A fault has no field \(member.key).")
            }
        }
    }

    private static func text(_ member: JSONMember) throws(ServiceFault) -> String {
        guard let value = member.value.string else { throw .validation("\(member.key) must be a string.") }
        return value
    }

    private static func integer(_ member: JSONMember, atLeast least: Int) throws(ServiceFault) -> Int {
        guard let value = member.value.int, value >= least else {
            throw .validation("\(member.key) must be a whole number, at least \(least).")
        }
        return value
    }
}
