import Bytes

/// Writes CBOR into a buffer: arguments in their shortest form, maps and arrays of indefinite length. What is written is
/// well-formed as long as calls are balanced.
///
/// Performs no I/O. The buffer is the caller's; the writer only appends. Source: RFC 8949, sections 3 and 4.1.
package struct CBORWriter {
    package let buffer: ByteBuffer

    package init(_ buffer: ByteBuffer) {
        self.buffer = buffer
    }

    // MARK: Maps and arrays

    package func beginMap() { buffer.append(0xbf) }
    package func beginArray() { buffer.append(0x9f) }
    package func end() { buffer.append(0xff) }

    // MARK: Strings

    package func text(_ text: StaticString) {
        head(3, UInt64(text.utf8CodeUnitCount))
        buffer.append(text)
    }

    package func text(_ text: String) {
        head(3, UInt64(text.utf8.count))
        buffer.append(text)
    }

    /// A text whose UTF-8 bytes are given; they are not checked.
    package func text(utf8 text: some Collection<UInt8>) {
        head(3, UInt64(text.count))
        buffer.append(contentsOf: text)
    }

    package func bytes(_ bytes: some Collection<UInt8>) {
        beginBytes(bytes.count)
        buffer.append(contentsOf: bytes)
    }

    /// Begins a byte string; the caller appends its `count` bytes.
    package func beginBytes(_ count: Int) {
        head(2, UInt64(count))
    }

    // MARK: Numbers and the rest

    package func int(_ value: Int64) {
        if value >= 0 { unsigned(UInt64(value)) } else { negative(UInt64(~value)) }
    }

    package func unsigned(_ value: UInt64) { head(0, value) }

    /// -1 minus the number.
    package func negative(_ value: UInt64) { head(1, value) }

    package func bool(_ value: Bool) { head(7, value ? 21 : 20) }

    package func null() { head(7, 22) }

    package func tag(_ number: UInt64) { head(6, number) }

    /// A time as AWS writes it: tag 1 with whole milliseconds since 1970, where RFC 8949 has seconds.
    package func time(milliseconds: Int64) {
        tag(1)
        int(milliseconds)
    }

    /// The shortest of half, single and double precision that reads back as the same number.
    package func double(_ value: Double) {
        if value.isNaN {
            put(0xf9, UInt64(0x7e00), bytes: 2)
        } else if Double(Float16(value)) == value {
            put(0xf9, UInt64(Float16(value).bitPattern), bytes: 2)
        } else if Double(Float(value)) == value {
            put(0xfa, UInt64(Float(value).bitPattern), bytes: 4)
        } else {
            put(0xfb, value.bitPattern, bytes: 8)
        }
    }

    /// A whole tree, its maps and arrays with their lengths.
    package func value(_ value: CBORValue) {
        switch value {
        case .unsigned(let value): unsigned(value)
        case .negative(let value): negative(value)
        case .bytes(let value): bytes(value)
        case .text(let value): text(value)
        case .array(let elements):
            head(4, UInt64(elements.count))
            for element in elements { self.value(element) }
        case .map(let members):
            head(5, UInt64(members.count))
            for member in members {
                self.value(member.key)
                self.value(member.value)
            }
        case .tag(let number, let value):
            tag(number)
            self.value(value)
        case .bool(let value): bool(value)
        case .null: null()
        case .undefined: head(7, 23)
        case .simple(let value): head(7, UInt64(value))
        case .float(let value): double(value)
        }
    }

    private func head(_ major: UInt8, _ argument: UInt64) {
        let type = major << 5
        switch argument {
        case 0..<24: buffer.append(type | UInt8(argument))
        case 24..<(1 << 8): put(type | 24, argument, bytes: 1)
        case (1 << 8)..<(1 << 16): put(type | 25, argument, bytes: 2)
        case (1 << 16)..<(1 << 32): put(type | 26, argument, bytes: 4)
        default: put(type | 27, argument, bytes: 8)
        }
    }

    /// An initial byte and the bytes behind it, most significant first.
    private func put(_ initial: UInt8, _ bits: UInt64, bytes: Int) {
        buffer.append(initial)
        for index in stride(from: bytes - 1, through: 0, by: -1) {
            buffer.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * index)))
        }
    }
}
