import Bytes

/// Pulls records out of a GetRecords answer one by one, as places in its bytes; there is one for each format of answers.
///
/// Members may stand in any order. Lengths and brackets are never trusted: the cursor does not pass the end, and a broken
/// answer is a typed error. Performs no I/O. States:
///
///     before ──open()──▶ records ──next() is false──▶ done
///
/// `before`: nothing read. `records`: the cursor stands before a record or the list's end. `done`: the whole answer
/// was read and `envelope` is complete.
package protocol GetRecordsScanner {
    /// What the answer says beside its records; complete when `isDone`.
    var envelope: GetRecordsEnvelope { get }
    var isDone: Bool { get }
    /// Bytes of the answer that were read.
    var offset: Int { get }

    /// Reads up to the first record. The lag is known afterwards, wherever it stands.
    mutating func open() throws(GetRecordsError)
    /// Reads one record; false when there is none left, and then the whole answer has been read.
    mutating func next(_ record: inout RecordFields) throws(GetRecordsError) -> Bool
    /// Whether a record follows, without reading it; at the list's end the rest of the answer is read.
    mutating func hasNext() throws(GetRecordsError) -> Bool
}

extension ByteBuffer {
    /// Reads this answer to GetRecords, which must not be written to any more. Its first byte tells the format: no text begins
    /// with a byte of 0x80 and above, and no map of CBOR with one below.
    package var recordsScanner: any GetRecordsScanner {
        if !isEmpty, self[0] >= 0x80 { CBORRecordsScanner(self) } else { JSONRecordsScanner(self) }
    }
}
