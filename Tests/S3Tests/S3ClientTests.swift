import AWS
import Bytes
import HTTP
import Logging
import Reactor
import ScriptedService
import Synchronization
import Testing

@testable import S3

private let bucket = BucketName("orders")!

@Suite(.timeLimit(.minutes(4))) struct S3ClientTests {
    /// Runs `body` with a client of a scripted S3, and what each request was signed for.
    private func run(
        _ script: @escaping ScriptedService.Script, _ body: @escaping @Sendable (S3Client) async throws -> Void
    ) async throws -> [String] {
        try await ScriptedService.run(.s3, script) { try await body(S3Client($0, variant: nil)) }
    }

    @Test func `an object is put and got by its path`() async throws {
        let requests = try await run { request in
            #expect(request.authorization.contains("x-amz-content-sha256"))
            return request.method == "PUT"
                ? .init(headers: ["ETag": "\"abc\""], body: "") : .init(body: #"{"a":1}"#)
        } _: { client in
            let key = "kinesis-sidecar/orders/a b+c.json"
            let eTag = try await client.call(
                PutObject(key: key, body: ByteBuffer("x"), contentType: "application/json"), of: bucket)
            #expect(eTag == "abc")
            let object = try await client.call(GetObject(key: key), of: bucket)
            #expect(object.text == #"{"a":1}"#)
        }
        #expect(
            requests == [
                "PUT /orders/kinesis-sidecar/orders/a%20b%2Bc.json x",
                "GET /orders/kinesis-sidecar/orders/a%20b%2Bc.json ",
            ])
    }

    @Test(arguments: [301, 307, 400])
    func `a bucket of another region is asked there, and the region is remembered`(status: Int) async throws {
        let requests = try await run { request in
            guard request.authorization.contains("/eu-west-1/") else {
                return .init(
                    status: HTTPStatus(rawValue: status), headers: ["x-amz-bucket-region": "eu-west-1"], body: "")
            }
            return .init(body: "here")
        } _: { client in
            for _ in 0..<2 {
                let object = try await client.call(GetObject(key: "k"), of: bucket)
                #expect(object.text == "here")
            }
            #expect(client.recentExceptions.count(now: .now()) == 0)
        }
        #expect(requests.count == 3)
    }

    @Test func `a service that sends from region to region is given up`() async throws {
        let requests = try await run { request in
            let next = request.authorization.contains("/eu-west-1/") ? "eu-west-2" : "eu-west-1"
            return .init(status: HTTPStatus(rawValue: 301), headers: ["x-amz-bucket-region": next], body: "")
        } _: { client in
            await #expect(throws: AWSError.self) { try await client.call(HeadBucket(), of: bucket) }
        }
        #expect(requests.count == 3)
    }

    @Test func `an error says its code, and is noted`() async throws {
        _ = try await run { _ in
            .init(
                status: .notFound,
                body: "<Error><Code>NoSuchKey</Code><Message>gone &amp; over</Message><RequestId>R1</RequestId></Error>"
            )
        } _: { client in
            do throws(AWSError) {
                _ = try await client.call(GetObject(key: "k"), of: bucket)
                Issue.record("an error was expected")
            } catch {
                guard case .service(let error) = error else { return }
                #expect(error.code == "NoSuchKey" && error.message == "gone & over" && error.requestID == "R1")
                #expect(error.disposition == .notFound)
            }
            #expect(client.recentExceptions.count(now: .now()) == 1)
            #expect(client.lastResponse != nil)
        }
    }

    @Test(arguments: ["<html>proxy</html>", "", "<Error><Code>", "{}"])
    func `an error that is not S3's is told by its status`(_ body: String) async throws {
        _ = try await run { _ in
            .init(status: .badGateway, body: body)
        } _: { client in
            do throws(AWSError) { try await client.call(HeadBucket(), of: bucket) } catch {
                guard case .service(let error) = error else { return }
                #expect(error.code == "HTTP502" && error.disposition == .retry)
            }
        }
    }

    @Test func `items are tried again for what passes, and not for what does not`() async throws {
        let requests = try await run { request in
            if request.path.hasSuffix("gone") { return .init(status: .notFound, body: "") }
            return request.earlier == 0 ? .init(status: .serviceUnavailable, body: "") : .init(body: "item")
        } _: { client in
            let store = ItemStore(client, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let item = try await store.get("k", in: bucket, accepts: { _ in true })
            #expect(item.text == "item")
            await #expect(throws: ItemFailure.self) {
                _ = try await store.get("gone", in: bucket, accepts: { _ in true })
            }
            #expect(store.counters.gets == 1 && store.counters.gotBytes == 4 && store.counters.getFailures == 1)
        }
        #expect(requests.count == 3)
    }

    @Test func `what is asked for ahead is asked for once, and only while a turn is left and the bucket responds`()
        async throws
    {
        let gates = Gates()
        let requests = try await run { request in
            if request.path.hasSuffix("bad") { return .init(status: .serviceUnavailable, body: "") }
            return .init(body: "item", behind: request.path.hasSuffix("held") ? gates.first : nil)
        } _: { client in
            let store = ItemStore(client, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            gates.first = Gate(loop: client.loop)
            let held = (0..<5).map { _ in store.getAhead("held", in: bucket, accepts: { _ in true }) }
            #expect(held.map { $0 == nil } == [false, false, false, false, true])
            // Who needs one has a turn.
            let needed = try await store.get("k", in: bucket, accepts: { _ in true })
            #expect(needed.text == "item")
            for task in held { task?.cancel() }
            for task in held.compactMap(\.self) {
                let ended = await task.value
                #expect(throws: ItemFailure.cancelled) { _ = try ended.get() }
            }
            gates.first?.open()
            #expect(store.getsUnderWay == 0)
            let failed = await store.getAhead("bad", in: bucket, accepts: { _ in true })?.value
            guard case .failure(.givenUp(let given))? = failed else {
                Issue.record("\(failed as Any)")
                return
            }
            #expect(given.attempts == 1)
            #expect(store.getAhead("k", in: bucket, accepts: { _ in true }) == nil, "the bucket fails")
            let other = store.getAhead("k", in: BucketName("others")!, accepts: { _ in true })
            #expect(try await other?.value.get().text == "item")
        }
        #expect(requests.count { $0.hasSuffix("bad ") } == 1)
    }

    @Test(arguments: [503, 200])
    func `what has failed for long is given up at once, and asked for its own sake`(status: Int) async throws {
        let requests = try await run { _ in
            .init(
                status: HTTPStatus(rawValue: status),
                body: status == 200
                    ? String(repeating: "x", count: 100_000) : "<Error><Code>SlowDown</Code></Error>")
        } _: { client in
            let store = ItemStore(client, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let now = client.loop.now
            var circuit = BucketCircuit()
            for id in [1, 2] as [UInt64] {
                let error = AWSError.transport(.notConnected(reason: "refused"))
                circuit.failed(id, error, began: now - .seconds(35), now: now - .seconds(5), random: 0)
            }
            store.failing[bucket] = .init(circuit: circuit)
            #expect(store.problems.count == 1)
            do throws(ItemFailure) {
                _ = try await store.get("k", in: bucket, accepts: { _ in true })
                Issue.record("it is waited for")
            } catch {
                guard case .givenUp(let given) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(given.attempts == 0 && given.lasted >= .seconds(35))
            }
            #expect(store.getsUnderWay == 1)
            while store.getsUnderWay > 0 { await client.loop.nextTurn() }
            #expect((store.failing[bucket] == nil) == (status == 200))
            #expect(store.counters.gets == 0 && store.counters.getFailures == 1)
        }
        #expect(requests.count == 1)
    }

    @Test func `an item whose size is not taken says nothing against its bucket`() async throws {
        _ = try await run { _ in
            .init(body: "too large")
        } _: { client in
            let store = ItemStore(client, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            await #expect(throws: ItemFailure.cancelled) {
                _ = try await store.get("k", in: bucket, accepts: { $0 < 5 })
            }
            #expect(store.getAhead("k", in: bucket, accepts: { _ in true }) != nil)
        }
    }
}

/// Confined to one loop.
private final class Gates: @unchecked Sendable {
    var first: Gate?
}
