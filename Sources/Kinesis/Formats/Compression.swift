/// How records' data is compressed before it is put, and read again: lifion-kinesis's option `compression`.
package enum Compression: String, CaseIterable, Sendable {
    case none
    /// Of texts alone: see `LZUTF8`.
    case lzUTF8 = "LZ-UTF8"
}
