import AWS

/// One call of the Kinesis API.
package protocol KinesisOperation: ServiceOperation {}
