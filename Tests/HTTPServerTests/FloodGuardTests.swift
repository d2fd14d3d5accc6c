import HTTP
import Testing

@testable import HTTPServer

@Suite struct FloodGuardTests {
    private let start = ContinuousClock.now

    @Test func `a kind is too much beyond its limit, and each minute begins anew`() {
        var limits = HTTPLimits()
        limits.http2PingsPerMinute = 3
        var flood = FloodGuard(limits)
        let seen = (0..<5).map { _ in flood.exceeds(.ping, now: start) }
        #expect(seen == [false, false, false, true, true])
        let others = flood.exceeds(.settings, now: start)
        let late = [59, 60].map { flood.exceeds(.ping, now: start + .seconds($0)) }
        #expect(!others && late == [true, false])
    }

    @Test func `who is sent data may say more, but not of other kinds`() {
        var limits = HTTPLimits()
        limits.http2PingsPerMinute = 2
        limits.http2WindowUpdatesPerMinute = 2
        limits.http2SettingsPerMinute = 2
        var flood = FloodGuard(limits)
        for _ in 0..<100 {
            flood.sent(bytes: 4096)
            let much = [FloodGuard.Kind.ping, .windowUpdate].map { flood.exceeds($0, now: start) }
            #expect(much == [false, false])
        }
        let others = (0..<3).map { _ in flood.exceeds(.settings, now: start) }
        let rest = (0..<3).map { _ in flood.exceeds(.ping, now: start) }
        #expect(others == [false, false, true] && rest == [false, true, true])
    }

    @Test func `parts are counted for each block of fields, however long it takes`() {
        var limits = HTTPLimits()
        limits.http2Continuations = 2
        var flood = FloodGuard(limits)
        flood.blockBegins()
        let seen = [0, 1, 120].map { flood.exceeds(.continuation, now: start + .seconds($0)) }
        #expect(seen == [false, false, true])
        flood.blockBegins()
        let next = flood.exceeds(.continuation, now: start)
        #expect(!next)
    }

    @Test func `a preface is told from a request by its first byte that differs`() {
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        for length in 0...preface.count {
            let expected = length == preface.count ? HTTP2Preface.Match.whole : .begun
            #expect(preface[..<length].withUnsafeBytes(HTTP2Preface.match) == expected)
        }
        #expect((preface + [0]).withUnsafeBytes(HTTP2Preface.match) == .whole)
        #expect(Array("POST / HTTP/1.1".utf8).withUnsafeBytes(HTTP2Preface.match) == .none)
    }
}
