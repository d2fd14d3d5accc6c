/// A key and its value in one call.
extension JSONWriter {
    @inlinable
    package mutating func member(_ name: StaticString, _ value: String) {
        key(name)
        string(value)
    }

    @inlinable
    package mutating func member(_ name: StaticString, _ value: Int) {
        key(name)
        int(value)
    }

    @inlinable
    package mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// Leaves the member out without a value.
    @inlinable
    package mutating func optional(_ name: StaticString, _ value: String?) {
        if let value { member(name, value) }
    }
}
