import JSON
import Testing

@testable import LocalKinesis

/// A plan that an expectation can ask; the macro takes no mutating calls.
private final class Plan {
    var value = FaultPlan()

    func hits(_ operation: String, stream: String? = "s", shard: String? = nil) -> Int {
        kinds(operation, stream: stream, shard: shard).count
    }

    func kinds(_ operation: String, stream: String? = "s", shard: String? = nil) -> [FaultPlan.Kind] {
        value.take(operation: operation, stream: stream, shardID: shard).map(\.kind)
    }
}

@Suite struct FaultPlanTests {
    private func fault(_ text: String) throws -> FaultPlan.Fault {
        var text = text
        let value = try text.withUTF8 { try JSONParser.parse(UnsafeRawBufferPointer($0)) }
        return try FaultPlan.Fault(value)
    }

    @Test func `a fault hits as many calls as it says`() {
        let plan = Plan()
        plan.value.order(.init(operation: "GetRecords", kind: .throttle, count: 2))
        #expect((0..<4).map { _ in plan.hits("GetRecords") } == [1, 1, 0, 0])
        #expect(plan.value.pending.isEmpty)
    }

    @Test func `it hits what it names only`() {
        let plan = Plan()
        plan.value.order(.init(operation: "GetRecords", stream: "s", shardID: "a", kind: .throttle))
        #expect(plan.hits("PutRecord", shard: "a") == 0)
        #expect(plan.hits("GetRecords", stream: "t", shard: "a") == 0)
        #expect(plan.hits("GetRecords", shard: "b") == 0)
        #expect(plan.hits("GetRecords", shard: "a") == 1)
    }

    @Test func `one without names hits every operation, and -1 goes on for ever`() {
        let plan = Plan()
        plan.value.order(.init(kind: .fail, count: -1))
        for operation in ["ListStreams", "PutRecord", "GetRecords"] { #expect(plan.hits(operation, stream: nil) == 1) }
        plan.value.clear()
        #expect(plan.hits("ListStreams") == 0)
    }

    @Test func `every third call is hit, and count counts the hits`() {
        let plan = Plan()
        plan.value.order(.init(kind: .throttle, count: 2, every: 3))
        #expect((1...9).map { _ in plan.hits("GetRecords") } == [0, 0, 1, 0, 0, 1, 0, 0, 0])
    }

    @Test func `several faults can hit one call`() {
        let plan = Plan()
        plan.value.order(.init(kind: .delay, milliseconds: 5))
        plan.value.order(.init(kind: .throttle))
        #expect(plan.kinds("GetRecords") == [.delay, .throttle])
    }

    @Test func `an order is read from JSON`() throws {
        let read = try fault(
            #"{"operation":"PutRecords","stream":"s","shardId":"x","kind":"failEntries","count":-1,"every":2,"#
                + #""milliseconds":7,"fraction":0.25}"#)
        let expected = FaultPlan.Fault(
            operation: "PutRecords", stream: "s", shardID: "x", kind: .failEntries, count: -1, every: 2,
            milliseconds: 7, fraction: 0.25)
        #expect(read == expected)
        #expect(try fault(#"{"kind":"cut"}"#) == FaultPlan.Fault(kind: .cut))
    }

    @Test(arguments: [
        "{}", "[]", #"{"kind":"explode"}"#, #"{"kind":"cut","count":-2}"#, #"{"kind":"cut","count":"many"}"#,
        #"{"kind":"cut","every":0}"#, #"{"kind":"delay","milliseconds":-1}"#, #"{"kind":"cut","fraction":2}"#,
        #"{"kind":"cut","colour":"red"}"#, #"{"kind":"cut","operation":7}"#, #"{"kind":"cut","stream":null}"#,
    ])
    func `an order that cannot be understood is refused`(text: String) {
        #expect(throws: ServiceFault.self) { try fault(text) }
    }
}
