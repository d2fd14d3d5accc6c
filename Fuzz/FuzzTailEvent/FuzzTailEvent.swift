import Bytes
import Client
import FuzzDriver
import JSON

// Whatever a sidecar sends as a line, `tail` reads it or refuses it; a record that it shows as JSON is JSON, and what it
// shows a person is one line.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzTailEvent_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start else { return 0 }
    // The input as a line, and as a record within one: few inputs would get as far.
    let bytes = ByteBuffer(UnsafeBufferPointer(start: start, count: count))
    let wrapped = ByteBuffer("{\"event\":\"records\",\"shardId\":\"s\",\"records\":[")
    wrapped.append(bytes)
    wrapped.append("]}")
    for line in [bytes, wrapped] {
        withExtendedLifetime(line) {
            guard case .records(let event) = try? TailEvent(line.bytes) else { return }
            try? show(event)
        }
    }
    return 0
}

func show(_ event: TailEvent.Records) throws {
    var records = try JSONArrayScanner(event.records, limits: JSONLimits(depth: 1024))
    while let element = try records.next() {
        let record = try TailRecord(element)
        for style in TailOptions.Style.allCases {
            let output = ByteBuffer()
            guard (try? record.append(style, shard: event.shard, to: output)) != nil else { continue }
            precondition(output.bytes.last == UInt8(ascii: "\n"))
            let line = UnsafeRawBufferPointer(rebasing: output.bytes.dropLast())
            switch style {
            case .json: precondition(JSONText.isValid(line, limits: JSONLimits(depth: 1024)))
            case .text: precondition(!line.contains(UInt8(ascii: "\n")))
            case .raw: break
            }
        }
    }
}
