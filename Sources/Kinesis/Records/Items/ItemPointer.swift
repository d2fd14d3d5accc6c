import Bytes
import JSON

/// Where in S3 a large item lies: what a record holds in place of it, `{"@S3Item":{"bucket":…,"eTag":…,"key":…},…}`, as
/// lifion-kinesis writes it. Beside it stand those members of the item that `nonS3Keys` names. Performs no I/O.
package struct ItemPointer: Equatable, Sendable {
    package let bucket: String
    package let key: String
    /// Without quotes. Nobody compares it: a key is written once.
    package let eTag: String

    package init(bucket: String, key: String, eTag: String) {
        self.bucket = bucket
        self.key = key
        self.eTag = eTag
    }

    static let member: StaticString = "@S3Item"

    // MARK: Writing

    /// The record's data.
    /// - Parameters:
    ///   - item: the item itself; its members stand beside the pointer, in their order, where it is a JSON object.
    ///   - names: of the members that do.
    package func data(keeping names: [String], of item: UnsafeRawBufferPointer) -> ByteBuffer {
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        json.key(Self.member)
        json.beginObject()
        json.member("bucket", bucket)
        json.member("eTag", eTag)
        json.member("key", key)
        json.endObject()
        json.endObject()
        let out = json.buffer
        let beside = names.isEmpty ? nil : Self.members(of: item) { names.contains($0) }
        guard let beside, !beside.isEmpty else { return out }
        out.setCount(out.count - 1)
        for (name, value) in beside {
            out.append(UInt8(ascii: ","))
            out.append(name.raw)
            out.append(UInt8(ascii: ":"))
            out.append(value.raw)
        }
        out.append(UInt8(ascii: "}"))
        return out
    }

    /// The members with these names of a JSON object, each once; nil where the text is none.
    static func members(
        of text: UnsafeRawBufferPointer, where isWanted: (String) -> Bool
    ) -> [(name: JSONSpan, value: JSONSpan)]? {
        guard text.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else { return nil }
        do throws(JSONError) {
            var scanner = try JSONObjectScanner(text)
            var found: [(name: JSONSpan, value: JSONSpan)] = []
            var names: Set<String> = []
            while let (key, value) = try scanner.next() {
                guard let name = try key.string(), isWanted(name), names.insert(name).inserted else { continue }
                found.append((key, value))
            }
            return found
        } catch {
            return nil
        }
    }

    // MARK: Reading

    /// The pointer that this data of a record is; nil where it is none.
    package init?(_ data: UnsafeRawBufferPointer) {
        // Most records have none, and are looked through once.
        guard data.first(where: { $0 > 0x20 }) == UInt8(ascii: "{"), ByteSearch.contains(data, Self.member) else {
            return nil
        }
        let found = Self.members(of: data) { $0 == Self.member.description }?.first
        guard let value = found?.value, value.kind == .object,
            let members = Self.members(of: value.raw, where: { ["bucket", "key", "eTag"].contains($0) })
        else { return nil }
        func text(_ name: StaticString) -> String? {
            members.first { $0.name.isString(name) }.flatMap { try? $0.value.string() }
        }
        guard let bucket = text("bucket"), let key = text("key"), !key.isEmpty else { return nil }
        self.init(bucket: bucket, key: key, eTag: text("eTag") ?? "")
    }
}
