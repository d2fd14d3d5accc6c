import Testing
import Time

@testable import LocalKinesis

@Suite struct AccountSettingsTests {
    private let start = WallTime(milliseconds: 1_700_000_000_000)

    private func after(hours: Int) -> WallTime { start.advanced(by: .seconds(hours * 3600)) }

    @Test func `a commitment lasts a day at least`() {
        var settings = AccountSettings()
        #expect(settings.status(now: start) == .disabled)
        settings.disable(now: start)
        #expect(settings == AccountSettings())
        settings.enable(now: start)
        #expect(settings.status(now: after(hours: 100)) == .enabled)
        settings.disable(now: after(hours: 1))
        #expect(settings.status(now: after(hours: 23)) == .ending)
        #expect(settings.status(now: after(hours: 24)) == .disabled)
        #expect(settings.ended == after(hours: 24))
    }

    @Test func `one that is older ends at once, and a new one begins anew`() {
        var settings = AccountSettings()
        settings.enable(now: start)
        settings.enable(now: after(hours: 2))
        #expect(settings.started == start)
        settings.disable(now: after(hours: 30))
        #expect(settings.status(now: after(hours: 30)) == .disabled)
        settings.enable(now: after(hours: 40))
        #expect(settings == AccountSettings(started: after(hours: 40)))
    }

    @Test func `one that is to end goes on when it is wanted again`() {
        var settings = AccountSettings()
        settings.enable(now: start)
        settings.disable(now: after(hours: 1))
        settings.enable(now: after(hours: 2))
        #expect(settings == AccountSettings(started: start))
    }
}
