import Telemetry
import Testing

@Suite struct TraceContextTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let span = "b7ad6b7169203331"

    private func read(_ text: String) -> TraceContext? { TraceContext(traceparent: Substring(text).utf8) }

    @Test(arguments: [("01", true), ("00", false), ("03", true)])
    func `a traceparent is read as the recommendation writes it`(_ flags: String, _ isSampled: Bool) throws {
        let context = try #require(read("00-\(Self.trace)-\(Self.span)-\(flags)"))
        #expect(context.trace.bytes.map { $0 >> 4 }.prefix(3) == [0x0, 0xF, 0x6])
        #expect(context.trace.bytes.last == 0x9C)
        #expect(context.span == SpanID(number: 0xb7ad_6b71_6920_3331))
        #expect(context.isSampled == isSampled)
    }

    @Test func `a later version may have more behind it`() {
        #expect(read("cc-\(Self.trace)-\(Self.span)-01") != nil)
        #expect(read("cc-\(Self.trace)-\(Self.span)-01-what-the-future-brings") != nil)
        #expect(read("cc-\(Self.trace)-\(Self.span)-01.what") == nil)
    }

    @Test(arguments: [
        "", "00", "ff-\(trace)-\(span)-01", "00-\(trace)-\(span)-01-more", "00-\(trace)-\(span)-0",
        "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01",
        "00-\(trace.uppercased())-\(span)-01", "00_\(trace)-\(span)-01", "00-\(trace)-\(span)-0g",
        "0 -\(trace)-\(span)-01",
    ])
    func `anything else is none`(_ text: String) {
        #expect(read(text) == nil)
    }
}

@Suite struct SamplerTests {
    private let low = TraceID(high: 1, low: 1)
    private let high = TraceID(high: 1, low: .max)

    @Test func `by itself every trace is sampled whose parent is, and those that begin here`() {
        let sampler = Sampler()
        for isSampled in [true, false] {
            let parent = TraceContext(trace: low, span: .random(), isSampled: isSampled)
            #expect(sampler.samples(low, parent: parent) == isSampled)
        }
        #expect(sampler.samples(high, parent: nil))
    }

    @Test func `a ratio takes the traces whose ids lie below it`() throws {
        let sampler = try #require(Sampler(name: "parentbased_traceidratio", argument: "0.25"))
        #expect(sampler.samples(low, parent: nil))
        #expect(!sampler.samples(high, parent: nil))
        #expect(sampler.samples(high, parent: TraceContext(trace: high, span: .random(), isSampled: true)))
        let alone = try #require(Sampler(name: "traceidratio", argument: "0.25"))
        #expect(!alone.samples(high, parent: TraceContext(trace: high, span: .random(), isSampled: true)))
    }

    @Test func `every name that OpenTelemetry has is known, and no other`() {
        for name in Sampler.names { #expect(Sampler(name: name, argument: nil) != nil, "\(name)") }
        #expect(Sampler(name: "always_off", argument: nil) == Sampler(followsParent: false, ratio: 0))
        for (name, argument) in [
            ("jaeger_remote", nil), ("traceidratio", "2"), ("traceidratio", "x"), ("_always_on", nil),
        ] {
            #expect(Sampler(name: name, argument: argument) == nil, "\(name)")
        }
    }
}
