/// Base 58: digits and letters without those that are taken for one another, as Bitcoin has them.
package enum Base58 {
    private static let digits = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")

    /// The bytes as one big-endian number, its first `count` digits; fewer where it has fewer.
    package static func encode(_ bytes: some Sequence<UInt8>, count: Int) -> String {
        var number = Array(bytes)
        var text: [Character] = []
        while number.contains(where: { $0 != 0 }) {
            var rest = 0
            for index in number.indices {
                rest = rest << 8 + Int(number[index])
                number[index] = UInt8(rest / 58)
                rest %= 58
            }
            text.append(digits[rest])
        }
        return String(text.reversed().prefix(count))
    }
}
