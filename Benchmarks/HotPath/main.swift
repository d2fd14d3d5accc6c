import Bytes
import Glibc
import Kinesis

/// Measures one core's way from a GetRecords answer to the payloads of events.
///
///     HotPath generate FILE PAYLOAD_BYTES [json|cbor|aggregated]
///                                                        writes an answer of 10,000 records or 10 MiB, whichever is less;
///                                                        aggregated: those as user records of aggregates of 50 KB, in JSON
///     HotPath measure FILE [SECONDS]                     prints one JSON line with the figures
///     HotPath lz-utf8 PAYLOAD_BYTES [SECONDS]            the same of compression, both ways
///
/// `Benchmarks/Foundation` reads the same file, so that both figures come from the same bytes in the same run.
let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "generate" where arguments.count >= 4:
    guard let payload = Int(arguments[3]), (2...1_000_000).contains(payload) else { usage() }
    let answer: ByteBuffer
    switch arguments.dropFirst(4).first ?? "json" {
    case "json": answer = sampleAnswer(payloadBytes: payload)
    case "cbor": answer = sampleAnswerInCBOR(payloadBytes: payload)
    case "aggregated": answer = sampleAnswerOfAggregates(payloadBytes: payload)
    default: usage()
    }
    writeFile(arguments[2], answer)
case "measure" where arguments.count >= 3:
    let seconds = arguments.count > 3 ? Double(arguments[3]) ?? 1 : 1
    print(measure(readFile(arguments[2]), seconds: seconds).json)
case "lz-utf8" where arguments.count >= 3:
    guard let payload = Int(arguments[2]), (2...1_000_000).contains(payload) else { usage() }
    print(measureLZUTF8(payloadBytes: payload, seconds: arguments.count > 3 ? Double(arguments[3]) ?? 1 : 1))
default:
    usage()
}

func usage() -> Never {
    complain(
        "usage: HotPath generate FILE PAYLOAD_BYTES [json|cbor|aggregated] | HotPath measure FILE [SECONDS]"
            + " | HotPath lz-utf8 PAYLOAD_BYTES [SECONDS]")
    exit(64)
}
