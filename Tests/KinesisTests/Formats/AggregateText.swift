import AWS
import Bytes
import Kinesis
import Protobuf

/// Builds aggregated records for tests, whole and damaged ones.
enum AggregateText {
    struct User: Equatable {
        var key = "k"
        var hashKey: String?
        var data: [UInt8]
    }

    /// As the libraries write it: tables of distinct keys, then the records.
    static func aggregate(_ users: [User]) -> [UInt8] {
        sealed { writer in
            let keys = distinct(users.map(\.key))
            let hashKeys = distinct(users.compactMap(\.hashKey))
            for key in keys { writer.text(1, key) }
            for key in hashKeys { writer.text(2, key) }
            for user in users {
                writer.message(3) { message in
                    message.int(1, keys.firstIndex(of: user.key)!)
                    if let key = user.hashKey { message.int(2, hashKeys.firstIndex(of: key)!) }
                    message.bytes(3, ByteBuffer(user.data))
                }
            }
        }
    }

    /// Any message between magic and its right checksum.
    static func sealed(_ write: (ProtobufWriter) -> Void) -> [UInt8] {
        let message = ByteBuffer()
        write(ProtobufWriter(message))
        let checksum = withExtendedLifetime(message) { Digest.md5Number(message.bytes) }
        return AggregatedRecords.magic + message.array + withUnsafeBytes(of: checksum.bigEndian, Array.init)
    }

    private static func distinct(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }
}
