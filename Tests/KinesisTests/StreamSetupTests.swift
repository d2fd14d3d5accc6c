import AWS
import TestSupport
import Testing
import Time

@testable import Kinesis

private let start = ContinuousClock.now

private func error(_ code: String, status: Int = 400) -> AWSError {
    .service(ServiceError(code: code, message: "", status: status))
}

private func summary(_ status: StreamStatus = .active, encryption: String = "NONE") -> StreamSummary {
    StreamSummary(
        name: StreamName("orders")!, arn: "arn", status: status, creation: WallTime(milliseconds: 1), openShards: 1,
        retentionHours: 24, encryption: encryption, mode: .provisioned, maxRecordBytes: 1 << 20)
}

@Suite struct StreamSetupTests {
    private func setup(key: String? = nil, tags: [String: String] = [:]) -> StreamSetup {
        StreamSetup(StreamWishes(encryptionKey: key, tags: tags))
    }

    private let page = ListTagsForStream.Page(tags: ["a": "1", "b": "2"], next: nil)

    @Test func `a stream that is encrypted, with whatever key, stays as it is`() {
        var setup = setup(key: "k")
        #expect(setup.described(summary(encryption: "KMS"), now: start, random: 0) == .rest)
    }

    @Test func `a stream that is not encrypted is, once it is ACTIVE`() {
        var setup = setup(key: "k")
        #expect(setup.described(summary(.updating), now: start, random: 0) == .look(at: start + .milliseconds(250)))
        #expect(setup.described(summary(), now: start, random: 0) == .encrypt(keyID: "k"))
        #expect(setup.encrypted(now: start, random: 0) == .rest)
        #expect(setup.problem == nil)
    }

    @Test func `who is encrypting it already is waited for`() {
        var setup = setup(key: "k")
        _ = setup.described(summary(), now: start, random: 0)
        let step = setup.encryptFailed(error("ResourceInUseException"), now: start, random: 0)
        #expect(step == .look(at: start + .milliseconds(250)))
        #expect(setup.problem == nil)
        #expect(setup.described(summary(encryption: "KMS"), now: start, random: 0) == .rest)
    }

    @Test func `a service that knows no encryption is not asked again`() {
        var setup = setup(key: "k")
        _ = setup.described(summary(), now: start, random: 0)
        #expect(setup.encryptFailed(error("UnknownOperationException"), now: start, random: 0) == .rest)
        #expect(setup.problem == nil)
    }

    @Test func `only tags that are missing or other ones are written`() {
        var setup = setup(tags: ["a": "1", "b": "3", "c": "4"])
        #expect(setup.described(summary(.updating), now: start, random: 0) == .listTags(after: nil))
        #expect(setup.listed(page, now: start, random: 0) == .tag(["b": "3", "c": "4"]))
        #expect(setup.tagged(now: start, random: 0) == .rest)
    }

    @Test func `tags that are there are written no more`() {
        var setup = setup(tags: ["a": "1"])
        _ = setup.described(summary(), now: start, random: 0)
        #expect(setup.listed(page, now: start, random: 0) == .rest)
    }

    @Test func `tags of all pages count, and a list without end ends`() {
        var setup = setup(tags: ["a": "1", "z": "9"])
        _ = setup.described(summary(), now: start, random: 0)
        let first = ListTagsForStream.Page(tags: ["a": "1"], next: "a")
        #expect(setup.listed(first, now: start, random: 0) == .listTags(after: "a"))
        for _ in 0..<8 { #expect(setup.listed(first, now: start, random: 0) == .listTags(after: "a")) }
        #expect(setup.listed(first, now: start, random: 0) == .tag(["z": "9"]))
    }

    @Test func `a missing right is told by its name, keeps nothing else back, and is tried again slowly`() throws {
        var setup = setup(key: "k", tags: ["a": "1"])
        _ = setup.described(summary(), now: start, random: 0)
        #expect(setup.encryptFailed(error("AccessDeniedException"), now: start, random: 0) == .listTags(after: nil))
        #expect(setup.listed(page, now: start, random: 0) == .look(at: start + .seconds(30)))
        let problem = try #require(setup.problem)
        #expect(problem.contains("kinesis:StartStreamEncryption") && !problem.contains("tagged"))
        let later = start + .seconds(30)
        #expect(setup.described(summary(), now: later, random: 0) == .encrypt(keyID: "k"), "tags were granted")
        #expect(setup.encrypted(now: later, random: 0) == .rest)
        #expect(setup.problem == nil)
    }

    @Test func `a stream that goes ends it`() {
        let missing = error("ResourceNotFoundException")
        var setup = setup(key: "k", tags: ["a": "1"])
        #expect(setup.describeFailed(missing, now: start, random: 0) == .rest)
        #expect(setup.encryptFailed(missing, now: start, random: 0) == .rest)
        #expect(setup.taggingFailed("ListTagsForStream", missing, now: start, random: 0) == .rest)
    }

    /// A stream whose answers come at random ends encrypted and tagged once the failures end, never encrypted twice.
    @Test(arguments: 0..<40) func `whatever fails for a while, it comes to its end`(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        let codes = ["ThrottlingException", "ResourceInUseException", "AccessDeniedException", "InternalFailure"]
        var setup = setup(key: "k", tags: ["a": "1", "z": "9"])
        var (isEncrypted, tags, now, failures) = (false, ["a": "0"], start, 60)
        var step = setup.described(summary(), now: now, random: 0.5)
        await takeSteps(400) {
            let fails = failures > 0 && Bool.random(using: &random)
            let failure = fails ? error(codes.randomElement(using: &random)!) : nil
            failures -= 1
            switch step {
            case .rest: return
            case .look(let moment):
                #expect(moment >= now)
                now = moment
                let seen = summary(
                    Bool.random(using: &random) || failures < 0 ? .active : .updating,
                    encryption: isEncrypted ? "KMS" : "NONE")
                step =
                    failure.map { setup.describeFailed($0, now: now, random: 0.5) }
                    ?? setup.described(seen, now: now, random: 0.5)
            case .encrypt(let key):
                #expect(key == "k" && !isEncrypted)
                if failure == nil { isEncrypted = true }
                step =
                    failure.map { setup.encryptFailed($0, now: now, random: 0.5) }
                    ?? setup.encrypted(now: now, random: 0.5)
            case .listTags:
                step =
                    failure.map { setup.taggingFailed("ListTagsForStream", $0, now: now, random: 0.5) }
                    ?? setup.listed(.init(tags: tags, next: nil), now: now, random: 0.5)
            case .tag(let missing):
                #expect(missing.allSatisfy { tags[$0.key] != $0.value })
                if failure == nil { tags.merge(missing) { $1 } }
                step =
                    failure.map { setup.taggingFailed("AddTagsToStream", $0, now: now, random: 0.5) }
                    ?? setup.tagged(now: now, random: 0.5)
            }
        }
        #expect(step == .rest && isEncrypted && tags == ["a": "1", "z": "9"] && setup.problem == nil)
    }
}
