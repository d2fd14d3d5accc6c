import Bytes
import CBOR
import Testing

@Suite struct CBORWriterTests {
    private func written(_ write: (CBORWriter) -> Void) -> [UInt8] {
        let writer = CBORWriter(ByteBuffer())
        write(writer)
        return writer.buffer.array
    }

    @Test(arguments: CBORVectors.shortest)
    func `an example of RFC 8949 is written in its shortest form`(_ vector: (hex: String, value: CBORValue)) {
        #expect(written { $0.value(vector.value) } == bytes(vector.hex).array)
    }

    @Test func `what is not a number has one form`() {
        #expect(written { $0.double(.nan) } == bytes("f97e00").array)
        #expect(written { $0.double(-.nan) } == bytes("f97e00").array)
    }

    @Test(arguments: [0, 23, 24, 255, 256, 65535, 65536, 1 << 20])
    func `a string's length is read back, whatever it is`(_ length: Int) throws {
        let text = String(repeating: "x", count: length)
        let writer = CBORWriter(ByteBuffer())
        writer.beginArray()
        writer.text(text)
        writer.bytes(Array(text.utf8))
        writer.text(utf8: Array(text.utf8))
        writer.end()
        #expect(try CBORValue(writer.buffer) == .array([.text(text), .bytes(Array(text.utf8)), .text(text)]))
    }

    @Test(arguments: [Int64.min, -4_294_967_297, -257, -1, 0, 24, 65536, 1_795_683_529_543, .max])
    func `a time is tag 1 with its milliseconds`(_ milliseconds: Int64) throws {
        let item = written { $0.time(milliseconds: milliseconds) }
        let number: CBORValue =
            milliseconds < 0 ? .negative(UInt64(-(milliseconds + 1))) : .unsigned(UInt64(milliseconds))
        #expect(try CBORValue(ByteBuffer(item)) == .tag(1, number))
    }
}
