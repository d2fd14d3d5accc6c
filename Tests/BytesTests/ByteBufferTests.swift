import Bytes
import Testing

@Suite struct ByteBufferTests {
    @Test func `it grows and keeps what it holds`() {
        let buffer = ByteBuffer(capacity: 1)
        for index in 0..<1000 { buffer.append(decimal: index) }
        #expect(buffer.text == (0..<1000).map(String.init).joined())
    }

    @Test(arguments: [0, 7, -7, 10, .max, .min])
    func `integers are written in decimal`(_ value: Int) {
        let buffer = ByteBuffer()
        buffer.append(decimal: value)
        #expect(buffer.text == String(value))
    }

    @Test func `a writer can take back and cut off`() {
        let buffer = ByteBuffer("hello world")
        buffer.truncate(to: 7)
        buffer.removeFirst(3)
        #expect(buffer.text == "lo w")
        buffer.removeFirst(4)
        #expect(buffer.isEmpty)
    }

    @Test func `hexadecimal both ways`() {
        #expect(Hex.encode([0, 0x0f, 0xa5, 0xff]) == "000fa5ff")
        #expect(Hex.value(UInt8(ascii: "F")) == 15)
        #expect(Hex.value(UInt8(ascii: "g")) == nil)
    }
}
