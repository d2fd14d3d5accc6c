import AWS
import Reactor
import Testing

@testable import DynamoDB

private let start = ContinuousClock.now
private let arn = "arn:aws:dynamodb:eu-west-1:1:table/state"
private let wanted = CreateTable(
    table: TableName("state")!, hashKey: "consumerGroup", rangeKey: "streamName", capacity: .onDemand)

private func error(_ code: String) -> AWSError {
    .service(ServiceError(code: code, message: "", status: 400))
}

private let missing = error("ResourceNotFoundException")
private let inUse = error("ResourceInUseException")
private let denied = error("AccessDeniedException")
private let throttled = error("ThrottlingException")
private let timedOut = AWSError.transport(.timedOut(.total, after: .seconds(5)))

private func table(_ status: TableStatus, keys: [TableKey] = wanted.keys) -> TableDescription {
    TableDescription(arn: arn, status: status, keys: keys)
}

private func page(_ tags: [String: String], next: String? = nil) -> ListTagsOfResource.Page {
    ListTagsOfResource.Page(tags: tags.map { DynamoDB.Tag(key: $0.key, value: $0.value) }, nextToken: next)
}

@Suite struct TableProvisionTests {
    private let team = DynamoDB.Tag(key: "team", value: "orders")
    private let cost = DynamoDB.Tag(key: "cost", value: "1")

    private func provision(_ tags: [DynamoDB.Tag] = []) -> TableProvision { TableProvision(wanted, tags: tags) }

    /// Of a table that is there.
    private func ready(_ tags: [DynamoDB.Tag]) -> TableProvision {
        var provision = provision(tags)
        _ = provision.described(table(.active), now: start, random: 0)
        return provision
    }

    // MARK: The table

    @Test(arguments: [TableStatus.active, .updating])
    func `a table that is there is ready, and without tags nothing else is asked`(status: TableStatus) {
        var provision = provision()
        #expect(provision.state == .awaited(status: nil) && !provision.state.isReady)
        #expect(provision.described(table(status), now: start, random: 0) == .rest)
        #expect(provision.state == .ready(untagged: nil))
    }

    @Test func `a missing table is created, and looked at until it is there, with growing pauses`() {
        var provision = provision()
        #expect(provision.describeFailed(missing, now: start, random: 0) == .create)
        #expect(provision.created(now: start) == .describe(at: start + .milliseconds(100)))
        #expect(provision.state == .awaited(status: .creating))
        var pauses: [Duration] = []
        for _ in 0..<8 {
            let step = provision.described(table(.creating), now: start, random: 0)
            guard case .describe(let moment) = step else {
                Issue.record("\(step)")
                return
            }
            pauses.append(moment - start)
        }
        #expect(pauses == [200, 400, 800, 1600, 3200, 5000, 5000, 5000].map { .milliseconds($0) })
        #expect(provision.described(table(.active), now: start, random: 0) == .rest)
    }

    @Test func `a table that somebody else makes at the same time is as good`() {
        var provision = provision()
        #expect(provision.describeFailed(missing, now: start, random: 0) == .create)
        #expect(provision.createFailed(inUse, now: start, random: 0) == .describe(at: start + .milliseconds(100)))
        #expect(provision.state == .awaited(status: .creating))
    }

    @Test func `a table that is being deleted is waited for, and made anew`() {
        var provision = provision()
        #expect(
            provision.described(table(.deleting), now: start, random: 0) == .describe(at: start + .milliseconds(100)))
        #expect(provision.state == .awaited(status: .deleting))
        #expect(provision.describeFailed(missing, now: start, random: 0) == .create)
    }

    @Test func `a table with other keys is no table of ours, and is looked at again every 5 to 10 s`() {
        let other = [TableKey(name: "id", type: "N")]
        var provision = provision()
        #expect(
            provision.described(table(.active, keys: other), now: start, random: 0.5)
                == .describe(at: start + .milliseconds(7500)))
        #expect(provision.state == .unusable(.keys(other, wanted: wanted.keys)))
        #expect(
            "\(TableProblem.keys(other, wanted: wanted.keys))"
                == "its keys are id (N) and would have to be consumerGroup (S), streamName (S)")
        #expect(provision.described(table(.active), now: start, random: 0) == .rest)
    }

    @Test(arguments: ["ARCHIVED", "INACCESSIBLE_ENCRYPTION_CREDENTIALS"])
    func `a status that stays is a problem`(text: String) {
        let status = TableStatus(rawValue: text)
        var provision = provision()
        #expect(provision.described(table(status), now: start, random: 0) == .describe(at: start + .seconds(5)))
        #expect(provision.state == .unusable(.status(status)))
        #expect("\(TableProblem.status(status))" == "it is \(text)")
    }

    @Test func `a right that is missing is told by its name, and asked for again slowly`() {
        var provision = provision()
        #expect(provision.describeFailed(denied, now: start, random: 0.5) == .describe(at: start + .milliseconds(7500)))
        #expect(provision.state == .unusable(.call("DescribeTable", denied)))
        _ = provision.describeFailed(missing, now: start, random: 0)
        #expect(provision.createFailed(denied, now: start, random: 0) == .describe(at: start + .seconds(5)))
        #expect(provision.state == .unusable(.call("CreateTable", denied)))
        let text = "\(TableProblem.call("CreateTable", denied))"
        #expect(text.hasPrefix("the right to dynamodb:CreateTable is missing: AccessDeniedException"), "\(text)")
    }

    @Test func `a passing failure is tried again soon, and told meanwhile`() {
        var provision = provision()
        #expect(
            provision.describeFailed(throttled, now: start, random: 0.9) == .describe(at: start + .milliseconds(100)))
        #expect(provision.describeFailed(timedOut, now: start, random: 0) == .describe(at: start + .milliseconds(200)))
        #expect(provision.state == .unusable(.call("DescribeTable", timedOut)))
        #expect(provision.createFailed(throttled, now: start, random: 0) == .describe(at: start + .milliseconds(400)))
        let tooMany = error("LimitExceededException")
        #expect(provision.createFailed(tooMany, now: start, random: 0) == .describe(at: start + .seconds(1)))
    }

    @Test func `what no repetition mends is repeated slowly`() {
        var provision = provision()
        let bad = error("ValidationException")
        #expect(provision.createFailed(bad, now: start, random: 0) == .describe(at: start + .seconds(5)))
        #expect("\(TableProblem.call("CreateTable", bad))".hasPrefix("CreateTable: ValidationException"))
    }

    @Test func `a table that is missed later is set up anew`() {
        var provision = ready([])
        #expect(provision.missed(now: start) == .describe(at: start))
        #expect(!provision.state.isReady)
        #expect(provision.describeFailed(missing, now: start, random: 0) == .create)
    }

    // MARK: Tags

    @Test func `tags are merged with those of all pages, and only what differs is written`() {
        var provision = provision([team, cost])
        let first = TableProvision.Step.listTags(arn: arn, token: nil, at: start)
        #expect(provision.described(table(.active), now: start, random: 0) == first)
        #expect(provision.state.isReady, "items are served without tags too")
        #expect(
            provision.listed(page(["a": "b"], next: "t"), arn: arn, now: start)
                == .listTags(arn: arn, token: "t", at: start))
        #expect(provision.listed(page(["cost": "2"]), arn: arn, now: start) == .tag(arn: arn, [team, cost]))
        #expect(provision.tagged() == .rest)
        #expect(provision.state == .ready(untagged: nil))
    }

    @Test func `a tag on an earlier page counts, and a table that is tagged as wanted is left alone`() {
        var provision = ready([team, cost])
        _ = provision.listed(page(["team": "orders"], next: "t"), arn: arn, now: start)
        #expect(provision.listed(page(["cost": "1", "other": "x"]), arn: arn, now: start) == .rest)
        var second = ready([team, cost])
        _ = second.listed(page(["team": "orders"], next: "t"), arn: arn, now: start)
        #expect(second.listed(page([:]), arn: arn, now: start) == .tag(arn: arn, [cost]))
    }

    @Test func `tags that cannot be set keep nobody from the table, and are tried again from the first page`() {
        var provision = ready([team])
        let again = TableProvision.Step.listTags(arn: arn, token: nil, at: start + .seconds(5))
        _ = provision.listed(page(["x": "y"], next: "t"), arn: arn, now: start)
        #expect(provision.taggingFailed("ListTagsOfResource", denied, arn: arn, now: start, random: 0) == again)
        #expect(provision.state == .ready(untagged: .call("ListTagsOfResource", denied)))
        #expect(provision.listed(page(["team": "orders"]), arn: arn, now: start) == .rest)
        #expect(provision.state == .ready(untagged: nil))
    }

    @Test func `a change of tags that is under way is waited for`() {
        var provision = ready([team])
        #expect(
            provision.taggingFailed("TagResource", inUse, arn: arn, now: start, random: 0)
                == .listTags(arn: arn, token: nil, at: start + .milliseconds(100)))
    }
}
