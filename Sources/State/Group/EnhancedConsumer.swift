import DynamoDB
import Kinesis
import Time

/// The record of a consumer that the group has registered for its stream (`enhancedConsumers.<name>`): one member subscribes
/// as it at a time. lifion-kinesis's attributes. Performs no I/O.
package struct EnhancedConsumer: Equatable, Sendable {
    package let name: String
    package let arn: ConsumerARN
    /// Whether it is for members that read every shard by themselves; its record has their shard map then.
    package let isStandalone: Bool
    /// Who subscribes as it; nil: nobody.
    package let isUsedBy: MemberID?
    /// Since when nobody does, by the clock of who let it go; nil where that is not said.
    package let releasedOn: WallTime?
    /// As it stands, whatever it is; nil: it is missing.
    let version: AttributeValue?
    let hasShards: Bool

    /// nil: without an ARN it is of no use.
    init?(name: String, _ record: Item) {
        guard let arn = record["arn"]?.string else { return nil }
        self.name = name
        self.arn = ConsumerARN(arn)
        isStandalone = record["isStandalone"]?.bool ?? false
        isUsedBy = record["isUsedBy"]?.string.map(MemberID.init)
        releasedOn = record["releasedOn"]?.time
        version = record["version"]
        hasShards = record["shards"]?.map != nil
    }

    static func all(in item: Item) -> [String: EnhancedConsumer] {
        var all: [String: EnhancedConsumer] = [:]
        for (name, value) in item["enhancedConsumers"]?.map ?? [:] {
            if let record = value.map { all[name] = EnhancedConsumer(name: name, record) }
        }
        return all
    }
}

extension GroupUpdate {
    /// A consumer that this member has registered, and subscribes as from here on, if the item has none of that name.
    package mutating func add(_ consumer: RegisteredConsumer, isStandalone: Bool, version: String) {
        let path = Self.path(consumer.name)
        requireMember()
        update.require(.isAbsent(path))
        var record: Item = [
            "arn": .string(consumer.arn.text), "isStandalone": .bool(isStandalone), "isUsedBy": .string(me.text),
            "version": .string(version),
        ]
        if isStandalone { record["shards"] = [:] }
        update.set(path, .map(record))
    }

    /// This member subscribes as the consumer from here on, if nobody does and nobody has written of it since.
    package mutating func lock(_ consumer: EnhancedConsumer, version: String) {
        let path = Self.path(consumer.name)
        requireMember()
        update.require(.unchanged(path.member("version"), consumer.version))
        update.require(.equals(path.member("isUsedBy"), .null))
        update.set(path.member("isUsedBy"), .string(me.text))
        update.set(path.member("version"), .string(version))
        if consumer.isStandalone, !consumer.hasShards { update.set(path.member("shards"), [:]) }
    }

    /// Nobody subscribes as the consumer from here on, if nobody has written of it since.
    package mutating func release(_ consumer: EnhancedConsumer, version: String) {
        let path = Self.path(consumer.name)
        update.require(.unchanged(path.member("version"), consumer.version))
        update.require(.equals(path.member("isUsedBy"), .init(optional: consumer.isUsedBy?.text)))
        update.set(path.member("isUsedBy"), .null)
        update.set(path.member("releasedOn"), .string(time.iso8601))
        update.set(path.member("version"), .string(version))
    }

    /// The service does not have the consumer any more, if nobody has written of it since.
    package mutating func remove(_ consumer: EnhancedConsumer) {
        let path = Self.path(consumer.name)
        update.require(.unchanged(path.member("version"), consumer.version))
        update.remove(path)
    }

    private static func path(_ consumer: String) -> AttributePath { ["enhancedConsumers", consumer] }
}
