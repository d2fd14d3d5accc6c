import AWS
import Client
import Consumer
import DynamoDB
import Glibc
import KCL
import Kinesis
import Logging
import Reactor
import State
import Time

/// `import-kcl`: puts a consumer group where an application of the Kinesis Client Library has stopped. `LeaseTable` and
/// `ImportPlan` decide; this asks AWS, shows and writes.
///
/// Confined to its loop.
struct ImportKCL {
    /// Iterators that are asked for at the same time.
    private static let parallelIterators = 16
    private static let retry = RetryPolicy(
        retries: 6, minTimeout: .milliseconds(250), maxTimeout: .seconds(5), forever: false, maxRetryTime: .seconds(20))

    private let options: ImportOptions
    private let loop: EventLoop
    private let kinesis: KinesisClient
    private let leaseTable: KCLTable
    private let state: GroupState
    private let output = Output(fd: STDOUT_FILENO)
    private let errors = Output(fd: STDERR_FILENO)

    /// Returns whether the exit code is 0.
    @Sendable static func run(_ values: CommandValues, on loop: EventLoop) async throws(ClientError) -> Bool {
        let configuration = Configuration.read(ClientCommand.serverArguments(values))
        guard configuration.mistakes.isEmpty else {
            throw .usage(configuration.mistakes.map(\.description).joined(separator: "; "))
        }
        let file = configuration.propertiesFiles.first { $0.path == values.text("multilang") }
        let options = try ImportOptions(values, configuration, file?.application)
        let errors = Output(fd: STDERR_FILENO)
        LoggingSystem.bootstrap { label in
            StandardErrorLog(label: label, level: .warning, isTerminal: errors.isTerminal) { _ = errors.write($0) }
        }
        return try await carryOut(options, configuration.settings, on: loop)
    }

    private static func carryOut(_ options: ImportOptions, _ settings: Settings, on loop: EventLoop)
        async throws(ClientError) -> Bool
    {
        let transport = Transport(loop: loop)
        defer { transport.close() }
        let command: ImportKCL
        do throws(StartError) {
            let targets = try await ServiceTargets(settings, local: nil, environment: .process, over: transport)
            let kinesis = KinesisClient(targets.kinesis.client(KinesisClient.serviceProtocol, over: transport))
            let dynamoDB = try targets.target(.dynamoDB, settings.dynamoDB.service)
            let client = DynamoDBClient(dynamoDB.client(DynamoDBClient.serviceProtocol, over: transport))
            command = ImportKCL(
                options: options, loop: loop, kinesis: kinesis,
                leaseTable: KCLTable(name: options.table, region: dynamoDB.region, client: client, retry: retry),
                state: try await GroupState.open(options, settings, targets, over: transport, on: loop))
        } catch {
            switch error {
            case .settings(let mistake): throw .usage(mistake.description)
            case .failed(let what): throw .failed(what)
            }
        }
        do throws(ClientError) {
            let isDone = try await command.perform()
            await command.state.close()
            return isDone
        } catch {
            await command.state.close()
            throw error
        }
    }

    // MARK: Steps

    private func perform() async throws(ClientError) -> Bool {
        // What is refused in any case is refused before the wait.
        let first = try await look()
        var presence = GroupPresence()
        presence.look(at: first.item, now: loop.clock)
        try await watch()
        let second = try await look()
        presence.look(at: second.item, now: loop.clock)
        try show(second)
        let obstacles = try await obstacles(
            second, moved: second.leases.moved(since: first.leases),
            members: presence.members(now: loop.clock, wall: state.now))
        guard goOn(over: obstacles) else { return false }
        if second.plan.isDone {
            note("the group stands there already: nothing is written")
        } else if options.isDryRun {
            note("dry run: nothing is written; the group \(options.key.group) would go on there, in \(state.place)")
        } else {
            try await state.put(second.places, second.changes)
            note("the group \(options.key.group) of \(options.key.stream) goes on there: written into \(state.place)")
        }
        return true
    }

    private func look() async throws(ClientError) -> ImportLook {
        let (createdOn, shards) = try await stream()
        let leases = try await leaseTable.leases(of: options.key.stream, createdOn: createdOn)
        let changes = GroupImport(options.key, streamCreatedOn: createdOn, listing: shards)
        let item = try await state.item()
        let held = try await state.standing(item, changes)
        do throws(ImportPlan.Refusal) {
            let plan = try ImportPlan(
                leases, shards: shards, held: held, createdOn: createdOn, now: state.now, moment: options.moment)
            return ImportLook(createdOn: createdOn, leases: leases, item: item, plan: plan, changes: changes)
        } catch { throw .failed(error.text(of: options)) }
    }

    private func stream() async throws(ClientError) -> (createdOn: WallTime, [Shard]) {
        let stream = options.key.stream
        do throws(AWSError) {
            let summary = try await kinesis.call(DescribeStreamSummary(stream: stream), retry: Retrying(Self.retry))
            return (summary.creation, try await kinesis.listAllShards(stream, retry: Retrying(Self.retry)))
        } catch {
            if error.disposition == .notFound { throw .failed("there is no stream \(stream); --stream names another") }
            throw .failed("the stream \(stream): \(error)")
        }
    }

    /// Waits for as long as a worker that is alive takes to renew its leases.
    private func watch() async throws(ClientError) {
        let seconds = PrintableText.time(milliseconds: Int(options.failoverTime.wholeMilliseconds))
        let text = "watching the leases of \(options.table) for \(seconds)"
        let end = loop.now + options.failoverTime
        if !errors.isTerminal { note(text) }
        while loop.now < end {
            if errors.isTerminal {
                let left = max(0, Int((end - loop.now).wholeMilliseconds))
                _ = errors.write("\r\u{1b}[K\(text): \(PrintableText.time(milliseconds: left)) left")
            }
            let pause = errors.isTerminal ? Duration.milliseconds(200) : options.failoverTime
            do { try await loop.sleep(until: min(end, loop.now + pause)) } catch { throw .failed("cancelled") }
        }
        if errors.isTerminal { _ = errors.write("\r\u{1b}[K") }
    }

    private func show(_ look: ImportLook) throws(ClientError) {
        let report = ImportReport(plan: look.plan, createdOn: look.createdOn)
        _ = output.write(report.table)
        try output.check()
        for text in report.notes { note(text) }
    }

    private func obstacles(_ look: ImportLook, moved: [KCLLease], members: [GroupMember])
        async throws(ClientError) -> [ImportObstacle]
    {
        var obstacles: [ImportObstacle] = []
        if !members.isEmpty { obstacles.append(.members(members)) }
        if !moved.isEmpty { obstacles.append(.moved(moved)) }
        if !look.plan.losses.isEmpty { obstacles.append(.losses(look.plan.losses.count)) }
        let unknown = try await unknownRecords(look.plan)
        if !unknown.isEmpty { obstacles.append(.unknownRecords(unknown)) }
        return obstacles
    }

    /// Says each; whether none is left over which nothing goes on.
    private func goOn(over obstacles: [ImportObstacle]) -> Bool {
        for obstacle in obstacles {
            let isPassed = obstacle.isForcible && options.isForced
            note(obstacle.text + (isPassed ? "; --force goes on" : obstacle.isForcible ? "; --force would go on" : ""))
        }
        return obstacles.allSatisfy { $0.isForcible && options.isForced }
    }

    /// Shards that Kinesis gives no iterator for at their checkpoints.
    private func unknownRecords(_ plan: ImportPlan) async throws(ClientError) -> [ShardID] {
        let stream = options.key.stream
        var waiting = plan.rows.compactMap { row in
            row.outcome.standing?.place.checkpoint.map { (row.shard, $0.sequenceNumber) }
        }[...]
        var results: [(ShardID, Result<Bool, AWSError>)] = []
        await withTaskGroup(of: (ShardID, Result<Bool, AWSError>).self) { group in
            func ask(_ shard: ShardID, _ number: SequenceNumber) {
                group.addTask { (shard, await isKnown(number, of: shard, in: stream)) }
            }
            for (shard, number) in waiting.prefix(Self.parallelIterators) { ask(shard, number) }
            waiting = waiting.dropFirst(Self.parallelIterators)
            for await result in group {
                results.append(result)
                if let (shard, number) = waiting.popFirst() { ask(shard, number) }
            }
        }
        var unknown: [ShardID] = []
        for (shard, result) in results {
            do throws(AWSError) {
                if try !result.get() { unknown.append(shard) }
            } catch { throw .failed("the shard \(shard) of \(stream): \(error)") }
        }
        return unknown.sorted()
    }

    private func isKnown(_ number: SequenceNumber, of shard: ShardID, in stream: StreamName) async -> Result<
        Bool, AWSError
    > {
        let operation = GetShardIterator(stream: stream, shard: shard, position: .atSequenceNumber(number))
        do throws(AWSError) {
            _ = try await kinesis.call(operation, retry: Retrying(Self.retry))
            return .success(true)
        } catch {
            return error.disposition == .invalidArgument ? .success(false) : .failure(error)
        }
    }

    private func note(_ text: String) { _ = errors.write("kinesis-sidecar import-kcl: \(PrintableText.line(text))\n") }
}

/// What one look at the lease table, the stream and the group has found.
private struct ImportLook {
    let createdOn: WallTime
    let leases: LeaseTable
    let item: Item?
    let plan: ImportPlan
    let changes: GroupImport

    /// Where the shards are put.
    var places: [ShardID: SoughtPlace] {
        let known = plan.rows.compactMap { row in SoughtPlace(row.outcome).map { (row.shard, $0) } }
        return Dictionary(uniqueKeysWithValues: known)
    }
}

extension SoughtPlace {
    /// nil: the shard stays as it is.
    init?(_ outcome: ImportPlan.Outcome) {
        guard let standing = outcome.standing else { return nil }
        switch standing.place {
        case _ where standing.isDepleted: self = .finished
        case .behind(let checkpoint): self = .behind(checkpoint)
        case .since(let moment): self = .since(moment)
        case .initial, .unreadable: return nil
        }
    }
}

extension ImportPlan.Refusal {
    fileprivate func text(of options: ImportOptions) -> String {
        func list(_ shards: [ShardID]) -> String {
            let shown = shards.prefix(5).map(\.text).joined(separator: ", ")
            return shards.count > 5 ? "\(shown) and \(shards.count - 5) more" : shown
        }
        return switch self {
        case .otherStream(let shards):
            "the table \(options.table) has leases of \(list(shards)), none of which the stream \(options.key.stream) has: "
                + "another --stream, or another --table?"
        case .otherNumbers(let shard, let number):
            "\(shard) of \(options.key.stream) has no record with the number \(number), at which its lease stands: the table "
                + "\(options.table) is of another stream, or of an earlier one of this name"
        case .momentMissing(let shards):
            "the leases of \(list(shards)) stand at AT_TIMESTAMP, and only the application's configuration says which time "
                + "that is (initialPositionInStreamExtended): --timestamp says it here"
        }
    }
}
