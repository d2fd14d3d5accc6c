import Bytes
import FuzzDriver
import Gateway
import JSON
import Kinesis

// The body of a put: what is taken is sound for the service, and what is not JSON is refused.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzPutBody_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start else { return 0 }
    // A copy of exactly this length, so that the sanitizer sees a read beyond it.
    let text = ByteBuffer(UnsafeBufferPointer(start: start, count: count))
    for namesStream in [false, true] {
        do throws(PutBodyError) {
            let body = try PutBody.parse(text, namesStream: namesStream, memory: 1 << 16)
            precondition(withExtendedLifetime(text) { JSONText.isValid(text.bytes) })
            precondition((body.stream != nil) == namesStream)
            check(body)
        } catch {
            // The answer must be writable, whatever the body was.
            let problem = Problem.putBody(error, namesStream: namesStream)
            precondition((try? JSONParser.parse(problem.document.body)) != nil)
        }
    }
    return 0
}

func check(_ body: PutBody) {
    precondition(!body.put.records.isEmpty && (body.isMany || body.put.records.count == 1))
    for record in body.put.records {
        let length = record.entry.partitionKey.unicodeScalars.count
        precondition((1...PutRecordEntry.maximumPartitionKeyLength).contains(length))
        precondition(!body.isMany || record.sequenceNumberForOrdering == nil)
        precondition(record.size == record.entry.data.count + record.entry.partitionKey.utf8.count)
    }
}
