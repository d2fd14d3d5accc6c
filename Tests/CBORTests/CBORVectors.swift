import CBOR

/// The examples of RFC 8949, appendix A: bytes in hexadecimal and what they stand for.
enum CBORVectors {
    /// Those whose bytes are the shortest form, which the writer writes too.
    static let shortest: [(hex: String, value: CBORValue)] = [
        ("00", .unsigned(0)), ("01", .unsigned(1)), ("0a", .unsigned(10)), ("17", .unsigned(23)),
        ("1818", .unsigned(24)), ("1819", .unsigned(25)), ("1864", .unsigned(100)), ("1903e8", .unsigned(1000)),
        ("1a000f4240", .unsigned(1_000_000)), ("1b000000e8d4a51000", .unsigned(1_000_000_000_000)),
        ("1bffffffffffffffff", .unsigned(.max)),
        ("c249010000000000000000", .tag(2, .bytes([1, 0, 0, 0, 0, 0, 0, 0, 0]))),
        ("3bffffffffffffffff", .negative(.max)),
        ("c349010000000000000000", .tag(3, .bytes([1, 0, 0, 0, 0, 0, 0, 0, 0]))),
        ("20", .negative(0)), ("29", .negative(9)), ("3863", .negative(99)), ("3903e7", .negative(999)),
        ("f90000", .float(0)), ("f98000", .float(-0.0)), ("f93c00", .float(1)), ("fb3ff199999999999a", .float(1.1)),
        ("f93e00", .float(1.5)), ("f97bff", .float(65504)), ("fa47c35000", .float(100_000)),
        ("fa7f7fffff", .float(3.4028234663852886e+38)), ("fb7e37e43c8800759c", .float(1e300)),
        ("f90001", .float(5.960464477539063e-8)), ("f90400", .float(0.00006103515625)), ("f9c400", .float(-4)),
        ("fbc010666666666666", .float(-4.1)), ("f97c00", .float(.infinity)), ("f9fc00", .float(-.infinity)),
        ("f4", .bool(false)), ("f5", .bool(true)), ("f6", .null), ("f7", .undefined), ("f0", .simple(16)),
        ("f8ff", .simple(255)),
        ("c074323031332d30332d32315432303a30343a30305a", .tag(0, .text("2013-03-21T20:04:00Z"))),
        ("c11a514b67b0", .tag(1, .unsigned(1_363_896_240))), ("c1fb41d452d9ec200000", .tag(1, .float(1_363_896_240.5))),
        ("d74401020304", .tag(23, .bytes([1, 2, 3, 4]))),
        ("d818456449455446", .tag(24, .bytes([0x64, 0x49, 0x45, 0x54, 0x46]))),
        ("d82076687474703a2f2f7777772e6578616d706c652e636f6d", .tag(32, .text("http://www.example.com"))),
        ("40", .bytes([])), ("4401020304", .bytes([1, 2, 3, 4])), ("60", .text("")), ("6161", .text("a")),
        ("6449455446", .text("IETF")), ("62225c", .text("\"\\")), ("62c3bc", .text("ü")), ("63e6b0b4", .text("水")),
        ("64f0908591", .text("𐅑")), ("80", .array([])), ("83010203", array(1...3)),
        ("8301820203820405", .array([.unsigned(1), array(2...3), array(4...5)])),
        ("98190102030405060708090a0b0c0d0e0f101112131415161718181819", array(1...25)), ("a0", .map([])),
        ("a201020304", .map([CBORMember(.unsigned(1), .unsigned(2)), CBORMember(.unsigned(3), .unsigned(4))])),
        ("a26161016162820203", map(["a": .unsigned(1), "b": array(2...3)])),
        ("826161a161626163", .array([.text("a"), map(["b": .text("c")])])),
        (
            "a56161614161626142616361436164614461656145",
            map(["a": .text("A"), "b": .text("B"), "c": .text("C"), "d": .text("D"), "e": .text("E")])
        ),
    ]

    /// Those that have a shorter form.
    static let longer: [(hex: String, value: CBORValue)] = [
        ("fa7f800000", .float(.infinity)), ("faff800000", .float(-.infinity)),
        ("fb7ff0000000000000", .float(.infinity)), ("fbfff0000000000000", .float(-.infinity)),
        ("5f42010243030405ff", .bytes([1, 2, 3, 4, 5])), ("7f657374726561646d696e67ff", .text("streaming")),
        ("9fff", .array([])), ("9f018202039f0405ffff", .array([.unsigned(1), array(2...3), array(4...5)])),
        ("9f01820203820405ff", .array([.unsigned(1), array(2...3), array(4...5)])),
        ("83018202039f0405ff", .array([.unsigned(1), array(2...3), array(4...5)])),
        ("83019f0203ff820405", .array([.unsigned(1), array(2...3), array(4...5)])),
        ("9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", array(1...25)),
        ("bf61610161629f0203ffff", map(["a": .unsigned(1), "b": array(2...3)])),
        ("826161bf61626163ff", .array([.text("a"), map(["b": .text("c")])])),
        ("bf6346756ef563416d7421ff", map(["Fun": .bool(true), "Amt": .negative(1)])),
    ]

    /// NaN, which is not equal to itself.
    static let notNumbers = ["f97e00", "fa7fc00000", "fb7ff8000000000000"]

    private static func array(_ numbers: ClosedRange<UInt64>) -> CBORValue {
        .array(numbers.map(CBORValue.unsigned))
    }

    private static func map(_ members: KeyValuePairs<String, CBORValue>) -> CBORValue {
        .map(members.map { CBORMember(.text($0), $1) })
    }
}
