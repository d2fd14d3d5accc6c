import Bytes
import CBOR
import JSON
import Kinesis
import Time

/// Writes an answer's body in the format of its request, so that an operation says once what it answers.
///
/// What is written is valid as long as calls are balanced. Performs no I/O.
struct AnswerWriter: Sendable {
    private let format: WireFormat
    private var json: JSONWriter
    /// Over the same buffer.
    private let cbor: CBORWriter

    init(_ format: WireFormat, capacity: Int = 256) {
        self.format = format
        json = JSONWriter(capacity: capacity)
        cbor = CBORWriter(json.buffer)
    }

    var buffer: ByteBuffer { json.buffer }

    mutating func beginObject() {
        switch format {
        case .json: json.beginObject()
        case .cbor: cbor.beginMap()
        }
    }

    mutating func endObject() {
        switch format {
        case .json: json.endObject()
        case .cbor: cbor.end()
        }
    }

    mutating func beginArray() {
        switch format {
        case .json: json.beginArray()
        case .cbor: cbor.beginArray()
        }
    }

    mutating func endArray() {
        switch format {
        case .json: json.endArray()
        case .cbor: cbor.end()
        }
    }

    mutating func key(_ name: StaticString) {
        switch format {
        case .json: json.key(name)
        case .cbor: cbor.text(name)
        }
    }

    mutating func string(_ text: String) {
        switch format {
        case .json: json.string(text)
        case .cbor: cbor.text(text)
        }
    }

    /// A record as the store has it: as GetRecords shows it in JSON.
    mutating func record(_ stored: UnsafeRawBufferPointer) {
        switch format {
        case .json: json.raw(stored)
        case .cbor: cbor.record(stored)
        }
    }

    // MARK: A key and its value

    mutating func member(_ name: StaticString, _ value: String) {
        key(name)
        string(value)
    }

    mutating func member(_ name: StaticString, _ value: Int) {
        switch format {
        case .json: json.member(name, value)
        case .cbor:
            cbor.text(name)
            cbor.int(Int64(value))
        }
    }

    mutating func member(_ name: StaticString, _ value: Bool) {
        switch format {
        case .json: json.member(name, value)
        case .cbor:
            cbor.text(name)
            cbor.bool(value)
        }
    }

    mutating func member(_ name: StaticString, _ time: WallTime) {
        switch format {
        case .json: json.member(name, time)
        case .cbor:
            cbor.text(name)
            cbor.time(milliseconds: time.milliseconds)
        }
    }
}
