import Bytes
import CBOR
import JSON
import Kinesis

/// What a value of a request's body is, in either format.
enum ValueKind {
    case null, bool, number, string, bytes, array, object
}

/// A value of a put's body as it stands there: what `PutRequest` asks of a format.
protocol BodySpan {
    associatedtype Failure: Error
    associatedtype Members: BodyMembers where Members.Span == Self, Members.Failure == Failure
    associatedtype Elements: BodyElements where Elements.Span == Self, Elements.Failure == Failure

    static var format: WireFormat { get }
    /// What a blob is here.
    static var blobKind: ValueKind { get }

    var valueKind: ValueKind { get }
    func isString(_ text: StaticString) -> Bool
    /// A string's value; nil for other kinds.
    func string() throws(Failure) -> String?
    /// The value as `RequestFields` has it.
    func field() throws(Failure) -> JSONValue
    func members() throws(Failure) -> Members
    func elements() throws(Failure) -> Elements

    /// A blob as `PutEntry.data` has it, and the size of what it stands for; nil where it is none. A buffer that had to be
    /// made for it goes to `made`; `scratch` is for what is not kept.
    func blob(_ made: inout [ByteBuffer], scratch: ByteBuffer) -> (data: UnsafeRawBufferPointer, size: Int)?
    /// A string as `PutEntry.key` has it.
    func key(_ made: inout [ByteBuffer]) -> UnsafeRawBufferPointer
}

/// The members of an object, one by one.
protocol BodyMembers {
    associatedtype Span
    associatedtype Failure: Error

    /// Throws when the body does not begin with an object.
    init(body: ByteBuffer) throws(Failure)
    mutating func next() throws(Failure) -> (key: Span, value: Span)?
}

/// The elements of an array, one by one.
protocol BodyElements {
    associatedtype Span
    associatedtype Failure: Error

    mutating func next() throws(Failure) -> Span?
}
