import Bytes
import CBOR
import Testing

@Suite struct CBORScannerTests {
    @Test(arguments: [
        "a3646e616d65624944647361667af5636d6170a10102", "bf646e616d65624944647361667af5636d6170bf0102ffff",
        "d9d9f7bf646e616d65624944647361667af5636d6170bf0102ffff",
    ])
    func `a map's members come one by one`(_ hex: String) throws {
        var scanner = try CBORMapScanner(bytes(hex))
        let name = try #require(try scanner.next())
        #expect(name.key.isString("name") && !name.key.isString("names") && !name.key.isString("nama"))
        #expect(name.value.text() == "ID" && name.value.kind == .text)
        let second = try #require(try scanner.next())
        #expect(second.key.text() == "safz" && second.value.kind == .bool && second.value.text() == nil)
        let third = try #require(try scanner.next())
        #expect(third.value.kind == .map && third.value.content() == nil)
        #expect(try third.value.value() == .map([CBORMember(.unsigned(1), .unsigned(2))]))
        var inner = try third.value.members()
        #expect(try inner.next()?.value.kind == .integer)
        #expect(try inner.next() == nil)
        #expect(try scanner.next() == nil)
        #expect(try scanner.next() == nil)
    }

    @Test(arguments: ["83f6c24101fb3ff199999999999a", "9ff7c24101fb3ff199999999999aff"])
    func `an array's elements come one by one`(_ hex: String) throws {
        var scanner = try CBORArrayScanner(bytes(hex))
        var kinds: [CBORKind] = []
        while let element = try scanner.next() { kinds.append(element.kind) }
        #expect(kinds == [.null, .bytes, .float])
    }

    @Test(arguments: ["43010203", "5f4101420203ff", "c2d81843010203"])
    func `a byte string's content is found, in chunks and behind tags too`(_ hex: String) throws {
        var scanner = try CBORArrayScanner(bytes("81" + hex))
        let span = try #require(try scanner.next())
        let (buffer, range) = try #require(span.content())
        #expect(Array(buffer.array[range]) == [1, 2, 3])
        #expect(span.offset == 1)
    }

    @Test func `what is no map or no array is told`() {
        let noMap = #expect(throws: CBORError.self) { try CBORMapScanner(bytes("c180")) }
        #expect(noMap == CBORError(.notA(.map), at: 1))
        let noArray = #expect(throws: CBORError.self) { try CBORArrayScanner(bytes("a0")) }
        #expect(noArray == CBORError(.notA(.array), at: 0))
    }

    @Test(arguments: [
        ("a000", CBORError(.trailingBytes, at: 1)), ("bfff00", CBORError(.trailingBytes, at: 2)),
        ("bf6161ff", CBORError(.unexpectedBreak, at: 3)), ("bf6161", CBORError(.unexpectedEnd, at: 3)),
        ("a1616101ff", CBORError(.trailingBytes, at: 4)), ("a16161811c", CBORError(.reserved(0x1c), at: 4)),
    ])
    func `a map that is malformed is refused where it is`(_ hex: String, _ expected: CBORError) {
        let error = #expect(throws: CBORError.self) {
            var scanner = try CBORMapScanner(bytes(hex))
            while try scanner.next() != nil {}
        }
        #expect(error == expected)
    }
}
