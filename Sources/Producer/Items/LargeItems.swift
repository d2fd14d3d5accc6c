import AWS
import Bytes
import Kinesis
import Reactor
import S3

/// Which records of a stream are put to S3, and what stays of them. Performs no I/O.
package struct LargeItemRule: Sendable {
    /// Nil: the stream's name is no bucket's, and the configuration names none.
    package var bucket: BucketName?
    /// Bytes of uncompressed data that a record has at most; one with more is put to S3.
    package var threshold: Int
    /// Members of the item that stand in the record too (`nonS3Keys`).
    package var keptMembers: [String]

    package init(bucket: BucketName?, threshold: Int, keptMembers: [String]) {
        self.bucket = bucket
        self.threshold = threshold
        self.keptMembers = keptMembers
    }

    /// Below it are the stream's items, and nothing else: expiry is by prefix, and a name of a stream may be the beginning of
    /// another's, or of somebody else's files.
    /// Of a stream of another account by its name alone.
    package static func prefix(of stream: StreamName) -> String { "kinesis-sidecar/\(stream.arn?.name ?? stream)/" }

    /// - Parameter id: 16 random bytes.
    static func key(of stream: StreamName, id: some Sequence<UInt8>) -> String {
        prefix(of: stream) + Base58.encode(id, count: 22) + ".json"
    }
}

extension EncodedPut.Record {
    /// The same record with a pointer as its data. Its partition key stays that of its own data.
    func pointing(to pointer: ItemPointer, keeping members: [String], _ compression: Compression) -> Self {
        let text = pointer.data(keeping: members, of: entry.data)
        let data: ByteBuffer
        switch compression {
        case .none: data = text
        case .lzUTF8:
            data = ByteBuffer()
            LZUTF8.compress(text.bytes, to: data)
        }
        return Self(
            PutRecordEntry(data, partitionKey: entry.partitionKey, explicitHashKey: entry.explicitHashKey),
            sequenceNumberForOrdering: sequenceNumberForOrdering)
    }
}

/// Puts large items to S3 before their records are put. Confined to its loop.
package final class LargeItems: @unchecked Sendable {
    private let store: ItemStore
    /// Called with a stream that has a large item.
    private let onUse: (StreamName) -> Void

    package init(_ store: ItemStore, onUse: @escaping (StreamName) -> Void) {
        self.store = store
        self.onUse = onUse
    }

    /// The put with pointers in place of its large items, which are in S3 then.
    ///
    /// Where one cannot be put there, nothing of the put is sent; of a group only that record. Items that were put before stay in
    /// the bucket until they expire.
    func store(
        _ put: EncodedPut, to stream: StreamName, _ encoding: PutEncoding, until deadline: EventLoop.Instant
    ) async throws(PutError) -> StoredPut {
        let large = put.records.indices.filter { put.records[$0].isItem }
        guard !large.isEmpty, let rule = encoding.largeItems else { return StoredPut(put: put) }
        guard let bucket = rule.bucket else { throw .noBucket(stream) }
        onUse(stream)
        var records = put.records
        var failures: [Int: PutError] = [:]
        await withTaskGroup(of: (Int, Result<EncodedPut.Record, AWSError>).self) { tasks in
            for index in large {
                let record = records[index]
                tasks.addTask {
                    await (index, self.stored(record, of: stream, encoding, rule, bucket, until: deadline))
                }
            }
            for await (index, result) in tasks {
                switch result {
                case .success(let record): records[index] = record
                case .failure(let error): failures[index] = .itemNotStored(index: index, bucket: bucket, error)
                }
            }
        }
        if !put.isGroup, let first = failures.min(by: { $0.key < $1.key }) { throw first.value }
        return StoredPut(records, like: put, failures: failures)
    }

    private func stored(
        _ record: EncodedPut.Record, of stream: StreamName, _ encoding: PutEncoding, _ rule: LargeItemRule,
        _ bucket: BucketName, until deadline: EventLoop.Instant
    ) async -> Result<EncodedPut.Record, AWSError> {
        var random = SystemRandomNumberGenerator()
        let key = LargeItemRule.key(
            of: stream, id: (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        do throws(AWSError) {
            // A body is a buffer of its own; it is copied when its turn has come.
            let eTag = try await store.put(
                { ByteBuffer(record.entry.data) }, as: key, contentType: "application/json", in: bucket,
                until: deadline)
            let pointer = ItemPointer(bucket: bucket.text, key: key, eTag: eTag)
            return .success(record.pointing(to: pointer, keeping: rule.keptMembers, encoding.compression))
        } catch {
            return .failure(error)
        }
    }
}

/// A put whose large items are in S3. Performs no I/O.
struct StoredPut {
    /// What is to be put; nil: nothing is left.
    let put: EncodedPut?
    /// Records of the original that are not in `put`.
    private let failures: [Int: PutError]
    /// Records that the original had.
    private let count: Int

    init(put: EncodedPut) {
        self.put = put
        failures = [:]
        count = put.records.count
    }

    init(_ records: [EncodedPut.Record], like put: EncodedPut, failures: [Int: PutError]) {
        self.failures = failures
        count = records.count
        let left = records.indices.filter { failures[$0] == nil }.map { records[$0] }
        self.put = left.isEmpty ? nil : EncodedPut(left, isOrdered: put.isOrdered, isGroup: put.isGroup)
        self.put?.trace = put.trace
    }

    /// The answer to the original put.
    func answer(_ answer: Result<PutAnswer, PutError>?) -> Result<PutAnswer, PutError> {
        guard !failures.isEmpty else { return answer ?? .success(PutAnswer(results: [], encryptionType: nil)) }
        var others: Array<PutResult>.Iterator
        var failure: PutResult?
        switch answer {
        case .success(let answer): others = answer.results.makeIterator()
        case .failure(let error):
            others = [].makeIterator()
            failure = error.asResult
        case nil: others = [].makeIterator()
        }
        let results = (0..<count).map { index in
            failures[index]?.asResult ?? others.next() ?? failure ?? .failed(code: "notSent", message: "")
        }
        return .success(PutAnswer(results: results, encryptionType: try? answer?.get().encryptionType))
    }
}

extension PutError {
    fileprivate var asResult: PutResult {
        let (code, message) = asEntry
        return .failed(code: code, message: message)
    }
}
