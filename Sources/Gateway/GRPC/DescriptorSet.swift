import Bytes
import Protobuf

/// What the program knows of its services: the descriptors that Scripts/descriptors made (google/protobuf/descriptor.proto), for
/// reflection, and for what turns JSON into messages. Performs no I/O.
struct DescriptorSet: Sendable {
    struct File: Sendable {
        var name = ""
        var package = ""
        var dependencies: [String] = []
        var services: [String] = []
        /// Full names of what stands in it: messages, enums, services and methods.
        var symbols: [String] = []
        /// The file's descriptor as it stands in the set.
        let place: Range<Int>
    }

    struct Message: Sendable {
        let fields: [Field]

        func field(json name: String) -> Field? { fields.first { $0.jsonName == name } }
        func field(_ number: Int) -> Field? { fields.first { $0.number == number } }
    }

    struct Field: Sendable {
        enum Kind: Sendable {
            case double, int, bool, text, bytes
            /// Its full name.
            case message(String)
        }

        var jsonName = ""
        var number = 0
        var kind = Kind.int
        var isRepeated = false
    }

    /// That of the program.
    static let built: DescriptorSet = {
        do {
            return try DescriptorSet(ByteBuffer(PackageResources.descriptors_binpb))
        } catch {
            preconditionFailure("descriptors.binpb: \(error)")
        }
    }()

    let bytes: ByteBuffer
    private(set) var files: [File] = []
    /// By full name.
    private(set) var messages: [String: Message] = [:]

    init(_ bytes: ByteBuffer) throws(ProtobufError) {
        self.bytes = bytes
        var reader = ProtobufReader(bytes)
        while let field = try reader.next() {
            if field.number == 1 { try addFile(field.bytes()) }
        }
    }

    private mutating func addFile(_ place: Range<Int>) throws(ProtobufError) {
        var file = File(place: place)
        var reader = ProtobufReader(bytes, place)
        // The package stands before what is in it.
        while let field = try reader.next() {
            switch field.number {
            case 1: file.name = try field.text()
            case 2: file.package = try field.text()
            case 3: file.dependencies.append(try field.text())
            case 4: file.symbols += try addMessage(field.message(), within: file.package)
            case 5: file.symbols.append(Self.join(file.package, try Self.name(field.message())))
            case 6:
                let service = Self.join(file.package, try Self.name(field.message()))
                file.services.append(service)
                file.symbols += [service] + (try Self.methods(field.message())).map { Self.join(service, $0) }
            default: break
            }
        }
        files.append(file)
    }

    /// Returns the full names of the message and of what is in it.
    private mutating func addMessage(_ reader: ProtobufReader, within scope: String) throws(ProtobufError) -> [String] {
        let name = Self.join(scope, try Self.name(reader))
        var symbols = [name]
        var fields: [Field] = []
        var reader = reader
        while let field = try reader.next() {
            switch field.number {
            case 2: fields.append(try Self.field(field.message()))
            case 3: symbols += try addMessage(field.message(), within: name)
            case 4: symbols.append(Self.join(name, try Self.name(field.message())))
            default: break
            }
        }
        messages[name] = Message(fields: fields)
        return symbols
    }

    private static func field(_ reader: ProtobufReader) throws(ProtobufError) -> Field {
        var made = Field()
        var type = 0
        var typeName = ""
        var reader = reader
        while let field = try reader.next() {
            switch field.number {
            case 3: made.number = try field.int()
            case 4: made.isRepeated = try field.int() == 3
            case 5: type = try field.int()
            case 6: typeName = String(try field.text().drop { $0 == "." })
            case 10: made.jsonName = try field.text()
            default: break
            }
        }
        made.kind =
            switch type {
            case 1: .double
            case 8: .bool
            case 9: .text
            case 11: .message(typeName)
            case 12: .bytes
            default: .int
            }
        return made
    }

    private static func name(_ reader: ProtobufReader) throws(ProtobufError) -> String {
        var reader = reader
        while let field = try reader.next() {
            if field.number == 1 { return try field.text() }
        }
        return ""
    }

    private static func methods(_ reader: ProtobufReader) throws(ProtobufError) -> [String] {
        var reader = reader
        var names: [String] = []
        while let field = try reader.next() {
            if field.number == 2 { names.append(try name(field.message())) }
        }
        return names
    }

    private static func join(_ scope: String, _ name: String) -> String { scope.isEmpty ? name : scope + "." + name }
}
