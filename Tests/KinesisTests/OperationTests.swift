import AWS
import Bytes
import CBOR
import JSON
import Kinesis
import Testing
import Time

@Suite struct OperationTests {
    private let stream = StreamName("orders")!

    @Test func `a stream is created with shards or on demand`() throws {
        let provisioned = CreateStream(stream: stream, capacity: .provisioned(shards: 2))
        #expect(try request(provisioned) == ["StreamName": "orders", "ShardCount": 2])
        #expect(
            try request(CreateStream(stream: stream, capacity: .onDemand))
                == ["StreamName": "orders", "StreamModeDetails": ["StreamMode": "ON_DEMAND"]])
    }

    @Test func `a stream is named by its ARN in every call`() throws {
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"
        let stream = try #require(StreamName(nameOrARN: arn))
        #expect(try request(DescribeStreamSummary(stream: stream)) == ["StreamARN": .string(arn)])
        #expect(try request(ListShards(.first(stream)))["StreamARN"]?.string == arn)
        let iterator = GetShardIterator(stream: stream, shard: ShardID(number: 0), position: .latest)
        #expect(try request(iterator)["StreamARN"]?.string == arn)
        #expect(
            try request(ListTagsForStream(stream: stream, after: "a")) == [
                "StreamARN": .string(arn), "ExclusiveStartTagKey": "a", "Limit": 50,
            ])
        #expect(
            try request(StartStreamEncryption(stream: stream, keyID: "k")) == [
                "StreamARN": .string(arn), "EncryptionType": "KMS", "KeyId": "k",
            ])
        #expect(
            try request(AddTagsToStream(stream: stream, tags: ["b": "2", "a": "1"])) == [
                "StreamARN": .string(arn), "Tags": ["a": "1", "b": "2"],
            ])
        var json = JSONWriter()
        PutRecords(stream: stream, entries: [PutRecordEntry(ByteBuffer(), .none)]).write(&json)
        #expect(json.buffer.text == #"{"StreamARN":"\#(arn)","Records":[{"Data":""}]}"#)
    }

    @Test func `a page of tags says where the next one begins`() throws {
        let answer = #"{"Tags":[{"Key":"a","Value":"1"},{"Key":"b"}],"HasMoreTags":true}"#
        let page = try ListTagsForStream.read(try JSONParser.parse(answer))
        #expect(page.tags == ["a": "1", "b": ""] && page.next == "b")
        #expect(try ListTagsForStream.read(try JSONParser.parse(#"{"Tags":[],"HasMoreTags":false}"#)).next == nil)
    }

    @Test func `a summary is read, with the service's defaults for what it leaves out`() throws {
        let answer = try JSONParser.parse(
            #"""
            {"StreamDescriptionSummary":{"StreamName":"orders","StreamARN":"arn:aws:kinesis:eu-west-1:1:stream/orders",
            "StreamStatus":"ACTIVE","StreamCreationTimestamp":1.7E9,"OpenShardCount":4,"RetentionPeriodHours":24}}
            """#)
        let summary = try DescribeStreamSummary.read(answer)
        #expect(summary.name == stream)
        #expect(summary.status.isUsable)
        #expect(summary.creation == WallTime(milliseconds: 1_700_000_000_000))
        #expect(summary.maxRecordBytes == 1024 * 1024)
        #expect(summary.encryption == "NONE")
        #expect(summary.mode == .provisioned)
        #expect(throws: ResponseError.badField("StreamDescriptionSummary")) {
            try DescribeStreamSummary.read([:])
        }
    }

    @Test func `null counts as left out`() throws {
        // As kinesis-mock writes them.
        let summary = try DescribeStreamSummary.read(
            JSONParser.parse(
                #"""
                {"StreamDescriptionSummary":{"ConsumerCount":0,"EncryptionType":null,"KeyId":null,
                "MaxRecordSizeInKiB":null,"OpenShardCount":2,"RetentionPeriodHours":24,
                "StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/orders",
                "StreamCreationTimestamp":1795683482.936,"StreamModeDetails":null,"StreamName":"orders",
                "StreamStatus":"ACTIVE","WarmThroughput":null}}
                """#))
        #expect(summary.maxRecordBytes == 1024 * 1024)
        #expect(summary.encryption == "NONE" && summary.mode == .provisioned)
        #expect(summary.creation == WallTime(milliseconds: 1_795_683_482_936))
        let page = try ListShards.read(
            JSONParser.parse(
                #"""
                {"NextToken":null,"Shards":[{"AdjacentParentShardId":null,"ParentShardId":null,
                "HashKeyRange":{"EndingHashKey":"9","StartingHashKey":"0"},"ShardId":"shardId-000000000000",
                "SequenceNumberRange":{"EndingSequenceNumber":null,"StartingSequenceNumber":"1"}}]}
                """#))
        #expect(page.nextToken == nil)
        #expect(page.shards.map(\.isOpen) == [true] && page.shards.first?.parents == [])
        #expect(try ListShards.read(["Shards": .null]).shards.isEmpty)
    }

    @Test func `a later page is asked for by its token alone`() throws {
        #expect(try request(ListShards(.first(stream))) == ["StreamName": "orders", "MaxResults": 1000])
        #expect(try request(ListShards(.next(token: "t"), maxResults: 5)) == ["NextToken": "t", "MaxResults": 5])
    }

    @Test func `shards are read with parents, range and end`() throws {
        let answer = try JSONParser.parse(
            #"""
            {"NextToken":"t","Shards":[{"ShardId":"shardId-000000000002","ParentShardId":"shardId-000000000000",
            "AdjacentParentShardId":"shardId-000000000001","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"9"},
            "SequenceNumberRange":{"StartingSequenceNumber":"1","EndingSequenceNumber":"2"}}]}
            """#)
        let page = try ListShards.read(answer)
        let shard = try #require(page.shards.first)
        #expect(page.nextToken == "t")
        #expect(shard.parents == [ShardID(number: 0), ShardID(number: 1)])
        #expect(shard.hashKeyRange.end == HashKey(9 as UInt128))
        #expect(!shard.isOpen)
    }

    @Test(arguments: [
        (#"{"Shards":1}"#, "Shards"), (#"{"Shards":[{}]}"#, "Shards[0].SequenceNumberRange"),
        (#"{"Shards":[{"SequenceNumberRange":{}}]}"#, "Shards[0].ShardId"),
        (#"{"Shards":[{"SequenceNumberRange":{},"ShardId":"s"}]}"#, "Shards[0].HashKeyRange"),
        (
            #"{"Shards":[{"SequenceNumberRange":{},"ShardId":"s","HashKeyRange":{"StartingHashKey":"-1"}}]}"#,
            "Shards[0].HashKeyRange.StartingHashKey"
        ),
        (#"{"NextToken":1}"#, "NextToken"),
    ])
    func `a bad answer is refused with the path of the member`(_ text: String, _ path: String) throws {
        let answer = try JSONParser.parse(text)
        #expect(throws: ResponseError.badField(path)) { try ListShards.read(answer) }
    }

    @Test func `each position of an iterator has its type and its value`() throws {
        let number = SequenceNumber("495")!
        let cases: [(StartingPosition, [String: JSONValue])] = [
            (.trimHorizon, ["ShardIteratorType": "TRIM_HORIZON"]), (.latest, ["ShardIteratorType": "LATEST"]),
            (
                .atTimestamp(WallTime(milliseconds: 1_700_000_000_007)),
                ["ShardIteratorType": "AT_TIMESTAMP", "Timestamp": .number("1700000000.007")]
            ),
            (
                .atSequenceNumber(number),
                ["ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "495"]
            ),
            (
                .afterSequenceNumber(number),
                ["ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": "495"]
            ),
        ]
        for (position, members) in cases {
            let tree = try request(GetShardIterator(stream: stream, shard: ShardID(number: 0), position: position))
            #expect(tree.object?.count == members.count + 2)
            for (key, value) in members { #expect(tree[key] == value) }
        }
        #expect(try GetShardIterator.read(["ShardIterator": "it"]) == ShardIterator("it"))
        #expect(throws: ResponseError.badField("ShardIterator")) { try GetShardIterator.read([:]) }
    }

    @Test func `GetRecords asks for an iterator and a limit`() throws {
        let operation = GetRecords(iterator: ShardIterator("a\"b"), limit: 10)
        let members: JSONValue = ["ShardIterator": "a\"b", "Limit": 10]
        #expect(try JSONParser.parse(operation.body(.json)) == members)
        #expect(try JSONValue(CBORValue(operation.body(.cbor))) == members)
    }

    private func request(_ operation: some KinesisOperation) throws -> JSONValue {
        var json = JSONWriter()
        operation.write(&json)
        return try JSONParser.parse(json.buffer)
    }
}
