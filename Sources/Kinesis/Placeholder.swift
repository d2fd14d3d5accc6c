// Kinesis
