import Bytes
import FuzzDriver
import Protobuf

// Whatever comes, reading ends in order or with an error inside the input; what was read is written and read back the same,
// also as messages inside of it.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzProtobuf_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start else { return 0 }
    // A copy of exactly this length, so that the sanitizer sees a read beyond it.
    let input = ByteBuffer(UnsafeBufferPointer(start: start, count: count))
    guard let fields = read(ProtobufReader(input), level: 0) else { return 0 }
    let output = ByteBuffer()
    write(fields, ProtobufWriter(output))
    guard let again = read(ProtobufReader(output), level: 0) else { preconditionFailure("what was written is refused") }
    precondition(again == fields)
    return 0
}

indirect enum Field: Equatable {
    case varint(Int, UInt64)
    case fixed64(Int, UInt64)
    case bytes(Int, [UInt8])
    case message(Int, [Field])
}

/// nil: it is no message.
func read(_ reader: ProtobufReader, level: Int) -> [Field]? {
    var reader = reader
    var fields: [Field] = []
    do throws(ProtobufError) {
        while let field = try reader.next() {
            switch field.value {
            case .varint(let value):
                fields.append(.varint(field.number, value))
                let number = try field.int()
                precondition(number == Int(truncatingIfNeeded: value))
            case .fixed64(let bits): fields.append(.fixed64(field.number, bits))
            case .fixed32: break
            case .bytes(let range):
                _ = try? field.text()
                if level < 4, let inner = read(try field.message(), level: level + 1) {
                    fields.append(.message(field.number, inner))
                } else {
                    fields.append(.bytes(field.number, Array(field.buffer.array[range])))
                }
            }
        }
    } catch {
        precondition(error.offset >= 0)
        return nil
    }
    return fields
}

func write(_ fields: [Field], _ writer: ProtobufWriter) {
    for field in fields {
        switch field {
        case .varint(let number, let value): writer.unsigned(number, value)
        case .fixed64(let number, let bits): writer.double(number, Double(bitPattern: bits))
        case .bytes(let number, let bytes): writer.bytes(number, ByteBuffer(bytes))
        case .message(let number, let inner): writer.message(number) { write(inner, $0) }
        }
    }
}
