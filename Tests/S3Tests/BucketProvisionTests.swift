import AWS
import Testing
import TestSupport

@testable import S3

private let rule = ExpiryRule(id: "r", prefix: "kinesis-sidecar/orders/", days: .atLeast(2))
private let tag = BucketTag(key: "team", value: "a")

@Suite struct BucketProvisionTests {
    private let now = ContinuousClock.now

    private func managed(_ tags: [BucketTag] = [tag]) -> BucketProvision {
        var wanted = BucketProvision.Wanted()
        wanted.isManaged = true
        wanted.tags = tags
        wanted.rules = [rule]
        var provision = BucketProvision()
        let isNew = [provision.want(wanted), provision.want(wanted)]
        #expect(isNew == [true, false])
        return provision
    }

    private func error(_ status: Int, _ code: String) -> AWSError {
        .service(ServiceError(code: code, message: "", status: status))
    }

    @Test func `a bucket that is missing is made, tagged, and gets its rule`() {
        var provision = managed()
        #expect(provision.headFailed(error(404, "HTTP404"), now: now, random: 0) == .create)
        #expect(provision.created(now: now) == .head(at: now + BucketProvision.firstPause))
        #expect(provision.found(now: now) == .getTags)
        #expect(provision.foundTags([], now: now) == .putTags([tag]))
        #expect(provision.tagged(now: now) == .getRules(at: now))
        let wanted = Lifecycle().adding([rule])!
        #expect(provision.foundRules(Lifecycle(), now: now) == .putRules(wanted))
        // Another process may have written at the same time.
        #expect(provision.wroteRules(now: now) == .getRules(at: now + BucketProvision.rulesPause))
        #expect(provision.foundRules(wanted, now: now) == .rest)
        #expect(provision.state == .ready(lacking: nil) && provision.state.problem == nil)
    }

    @Test func `what is there already is not written again, and other tags stay`() {
        var provision = managed()
        #expect(provision.found(now: now) == .getTags)
        let others = [BucketTag(key: "owner", value: "x"), tag]
        #expect(provision.foundTags(others, now: now) == .getRules(at: now))
        #expect(
            provision.foundTags([BucketTag(key: "team", value: "b"), others[0]], now: now)
                == .putTags([others[0], tag]))
    }

    @Test func `a bucket that is not ours to make is only looked at`() {
        var provision = BucketProvision()
        #expect(provision.found(now: now) == .rest)
        guard case .head(let again) = provision.headFailed(error(404, "HTTP404"), now: now, random: 0) else {
            Issue.record("it is looked at again")
            return
        }
        #expect(again >= now + .seconds(30) && provision.state == .unusable(.missing))
    }

    @Test func `who may not tag it uses it all the same, and is told`() {
        var provision = managed()
        _ = provision.found(now: now)
        let denied = error(403, "AccessDenied")
        guard case .head(let again) = provision.settingFailed("GetBucketTagging", denied, now: now, random: 0.5) else {
            Issue.record("it is tried again")
            return
        }
        #expect(again >= now + .seconds(30))
        #expect(provision.state == .ready(lacking: .call("GetBucketTagging", denied)))
        #expect(provision.state.problem?.contains("GetBucketTagging") == true)
    }

    @Test func `somebody else of the account was faster`() {
        var provision = managed()
        let step = provision.createFailed(error(409, "BucketAlreadyOwnedByYou"), now: now, random: 0)
        #expect(step == .head(at: now + BucketProvision.firstPause) && provision.state == .awaited)
        _ = provision.createFailed(error(409, "BucketAlreadyExists"), now: now, random: 0)
        #expect(provision.state.problem != nil, "another account has it")
    }

    /// A service that does what it is asked, loses writes of rules to others, and fails now and then.
    @Test(arguments: 0..<20 as Range<UInt64>) func `whatever happens in between, it comes to rest as it is wanted`(
        _ seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        var provision = managed()
        var isThere = Bool.random(using: &random)
        var tags: [BucketTag] = []
        var rules = Lifecycle()
        var clock = now
        var step = BucketProvision.Step.head(at: clock)
        var steps = 0
        while step != .rest {
            steps += 1
            #expect(steps < 1000, "it comes to rest")
            if steps >= 1000 { return }
            let fails = steps < 100 && Int.random(in: 0..<4, using: &random) == 0
            let failure = error([403, 500, 503].randomElement(using: &random)!, "X")
            let chance = Double.random(in: 0..<1, using: &random)
            switch step {
            case .head(let moment):
                #expect(moment >= clock)
                clock = moment
                step =
                    fails
                    ? provision.headFailed(failure, now: clock, random: chance)
                    : isThere
                        ? provision.found(now: clock)
                        : provision.headFailed(error(404, "HTTP404"), now: clock, random: chance)
            case .create:
                if fails {
                    step = provision.createFailed(failure, now: clock, random: chance)
                } else {
                    isThere = true
                    step = provision.created(now: clock)
                }
            case .getTags:
                step =
                    fails
                    ? provision.settingFailed("GetBucketTagging", failure, now: clock, random: chance)
                    : provision.foundTags(tags, now: clock)
            case .putTags(let new):
                if fails {
                    step = provision.settingFailed("PutBucketTagging", failure, now: clock, random: chance)
                } else {
                    tags = new
                    step = provision.tagged(now: clock)
                }
            case .getRules(let moment):
                clock = max(clock, moment)
                step = provision.foundRules(rules, now: clock)
            case .putRules(let new):
                // Another process writes over it.
                if !fails { rules = new }
                step = provision.wroteRules(now: clock)
            case .rest: break
            }
        }
        #expect(isThere && tags == [tag] && rules.adding([rule]) == nil)
        #expect(provision.state == .ready(lacking: nil))
    }
}
