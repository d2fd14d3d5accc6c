import TestSupport
import Testing
import Time

@testable import AWS

@Suite struct CredentialsStateTests {
    private static let now = WallTime(milliseconds: 1_767_323_045_000)
    private static let failure = CredentialsError.nothingFound([])

    private static func at(_ seconds: Int) -> WallTime { now.advanced(by: .seconds(seconds)) }

    private static func keys(_ id: String, until seconds: Int? = nil) -> Credentials {
        Credentials(accessKeyID: id, secretAccessKey: Secret("s"), expiration: seconds.map(at))
    }

    private static func holding(_ keys: Credentials, random: Double = 0) -> CredentialsState {
        var state = CredentialsState.none
        #expect(state.asked(now: now) == .fetch)
        #expect(state.fetched(.success(keys), now: now, random: random) == .got(keys))
        return state
    }

    @Test func `the first who asks fetches, the others wait`() {
        var state = CredentialsState.none
        #expect(state.asked(now: Self.now) == .fetch)
        #expect(state.asked(now: Self.now) == .wait)
        let keys = Self.keys("a")
        #expect(state.fetched(.success(keys), now: Self.now, random: 0) == .got(keys))
        #expect(state.asked(now: Self.at(1_000_000_000)) == .use(keys), "they do not end")
    }

    @Test(arguments: [(0.0, 3300), (1.0, 3000), (0.5, 3150)])
    func `a refresh comes five minutes before the end, or up to a tenth of the life earlier`(random: Double, due: Int) {
        let keys = Self.keys("a", until: 3600)
        var state = Self.holding(keys, random: random)
        #expect(state.asked(now: Self.at(due - 1)) == .use(keys))
        #expect(state.asked(now: Self.at(due)) == .useAndFetch(keys))
        #expect(state.asked(now: Self.at(due)) == .use(keys), "the others go on")
        #expect(state.asked(now: Self.at(3600)) == .wait, "until they end")
    }

    @Test func `what is held goes on while its refresh fails, and each is tried again after a pause`() {
        let old = Self.keys("old", until: 3600)
        var state = Self.holding(old)
        #expect(state.asked(now: Self.at(3300)) == .useAndFetch(old))
        let kept = CredentialsState.Fetched.kept(old, despite: Self.failure)
        #expect(state.fetched(.failure(Self.failure), now: Self.at(3301), random: 0) == kept)
        #expect(state.asked(now: Self.at(3310)) == .use(old))
        #expect(state.asked(now: Self.at(3311)) == .useAndFetch(old))
        #expect(state.fetched(.failure(Self.failure), now: Self.at(3600), random: 0) == .failed(Self.failure))
        #expect(state.asked(now: Self.at(3601)) == .fail(Self.failure))
        #expect(state.asked(now: Self.at(3602)) == .fetch)
    }

    @Test func `credentials that ended while nobody asked are not used`() {
        var state = Self.holding(Self.keys("old", until: 3600))
        #expect(state.asked(now: Self.at(3600)) == .fetch)
    }

    @Test func `a source that gives what ends soon is not asked at each request`() {
        let soon = Self.keys("soon", until: 60)
        var state = Self.holding(soon)
        #expect(state.asked(now: Self.at(9)) == .use(soon))
        #expect(state.asked(now: Self.at(10)) == .useAndFetch(soon))
        var sooner = Self.holding(Self.keys("sooner", until: 5))
        #expect(sooner.asked(now: Self.at(5)) == .fetch, "but what has ended is not used")
    }

    @Test func `refused credentials are fetched anew once, and used while the source has no others`() {
        let old = Self.keys("old")
        var state = Self.holding(old)
        state.refused(old)
        #expect(state.asked(now: Self.now) == .fetch)
        #expect(state.fetched(.success(old), now: Self.now, random: 0) == .got(old))
        state.refused(old)
        #expect(state.asked(now: Self.at(9)) == .use(old), "a refusal of the same does not ask again at once")
        #expect(state.asked(now: Self.at(10)) == .fetch)
        let new = Self.keys("new")
        #expect(state.fetched(.success(new), now: Self.at(10), random: 0) == .got(new))
        state.refused(old)
        #expect(state.asked(now: Self.at(11)) == .use(new), "an old refusal does not count against new ones")
    }

    @Test func `refused credentials are not kept while their refresh fails`() {
        let old = Self.keys("old", until: 3600)
        var state = Self.holding(old)
        state.refused(old)
        #expect(state.asked(now: Self.now) == .fetch)
        #expect(state.fetched(.failure(Self.failure), now: Self.now, random: 0) == .failed(Self.failure))
        var refreshing = Self.holding(old)
        _ = refreshing.asked(now: Self.at(3300))
        refreshing.refused(old)
        #expect(refreshing.asked(now: Self.at(3300)) == .wait)
        #expect(
            refreshing.fetched(.failure(Self.failure), now: Self.at(3301), random: 0) == .failed(Self.failure))
    }

    @Test func `a pause does not outlast a clock that is set back`() {
        var state = CredentialsState.none
        _ = state.asked(now: Self.now)
        _ = state.fetched(.failure(Self.failure), now: Self.now, random: 0)
        #expect(state.asked(now: Self.at(1)) == .fail(Self.failure))
        #expect(state.asked(now: Self.at(-3600)) == .fetch)
    }

    /// Whatever happens: a source is asked once at a time, nobody gets what has ended or what was refused while there is
    /// something else, and whoever waits does so only while the source is asked.
    @Test(arguments: 1...20) func `a walk keeps the promises`(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        var state = CredentialsState.none
        var time = 0
        var isFetching = false
        var made = 0
        var last: Credentials?
        await takeSteps(2000) {
            time += random.below(400)
            let now = Self.at(time)
            switch random.below(3) {
            case 0:
                switch state.asked(now: now) {
                case .use(let keys):
                    #expect(keys.expiration.map { now < $0 } ?? true || state.isRefused)
                case .useAndFetch(let keys):
                    #expect(!isFetching && keys.expiration.map { now < $0 } ?? true)
                    isFetching = true
                case .fetch:
                    #expect(!isFetching)
                    isFetching = true
                case .wait: #expect(isFetching)
                case .fail: #expect(!isFetching)
                }
            case 1 where isFetching:
                isFetching = false
                let result: Result<Credentials, CredentialsError>
                switch random.below(4) {
                case 0: result = .failure(Self.failure)
                case 1: result = last.map { .success($0) } ?? .failure(Self.failure)
                default:
                    made += 1
                    let end = random.below(5) == 0 ? nil : time + 1 + random.below(7200)
                    result = .success(Self.keys("\(made)", until: end))
                }
                let fetched = state.fetched(result, now: now, random: Double(random.below(100)) / 100)
                if case .got(let keys) = fetched { last = keys }
                if case .kept(let keys, _) = fetched { #expect(keys.expiration.map { now < $0 } ?? true) }
            default:
                if let last { state.refused(last) }
            }
        }
        #expect(made > 10)
    }
}

extension CredentialsState {
    fileprivate var isRefused: Bool { if case .refused = self { true } else { false } }
}
