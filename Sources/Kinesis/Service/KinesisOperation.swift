import AWS
import JSON

/// One call of the Kinesis API.
package protocol KinesisOperation: ServiceOperation {}

extension JSONWriter {
    /// The member that names the stream of a call.
    mutating func member(_ stream: StreamName) { member(stream.isARN ? "StreamARN" : "StreamName", stream.text) }
}
