import Bytes
import JSON
import Time

/// Helps the operations to write their answers. Performs no I/O.
extension JSONWriter {
    mutating func member(_ name: StaticString, _ text: String) {
        key(name)
        string(text)
    }

    mutating func member(_ name: StaticString, _ number: Int) {
        key(name)
        int(number)
    }

    mutating func member(_ name: StaticString, _ flag: Bool) {
        key(name)
        bool(flag)
    }

    /// Seconds with three decimals, which a Double cannot get wrong.
    mutating func member(_ name: StaticString, _ time: WallTime) {
        key(name)
        let text = time.secondsText
        var copy = text
        copy.withUTF8 { raw(UnsafeRawBufferPointer($0)) }
    }
}

extension WallTime {
    /// `1700000000.123`. Times here lie after the epoch.
    var secondsText: String {
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
    }
}
