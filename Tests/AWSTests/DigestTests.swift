import Bytes
import TestSupport
import Testing

@testable import AWS

@Suite struct DigestTests {
    @Test func `the digests of abc are those of the standards`() {
        let text = ByteBuffer("abc")
        // Source: FIPS 180-2, appendix A and B; RFC 1321, A.5.
        #expect(
            Digest.sha256(text.bytes).hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Hex.encode(Digest.sha1(text.bytes)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(Digest.md5Number(text.bytes) == 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72)
    }

    @Test func `nothing has a digest too`() {
        #expect(Digest.sha256("").hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(Digest.md5Number(ByteBuffer().bytes) == 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e)
    }

    @Test func `a large body is hashed in slices, between which the loop turns`() async throws {
        try await onLoop { loop in
            let body = ByteBuffer(repeatElement(7, count: 5 * Digest.sliceBytes + 3))
            let turned = Counter()
            let other = loop.spawn {
                while turned.value < 4 {
                    turned.value += 1
                    await loop.nextTurn()
                }
            }
            let sliced = await Digest.sha256(body, on: loop)
            #expect(turned.value >= 3)
            #expect(sliced == Digest.sha256(body.bytes))
            await other.value
        }
    }

    @Test func `a keyed code is HMAC-SHA-256 again and again`() {
        // Source: RFC 4231, test case 2.
        let key = ByteBuffer("Jefe")
        let mac = KeyedHMAC(key: key.bytes)
        for _ in 0..<3 {
            #expect(
                mac.code("what do ya want for nothing?").hex
                    == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        }
        #expect(
            KeyedHMAC(key: ByteBuffer().bytes).code("").hex
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }
}

/// Confined to the loop of the test that made it.
final class Counter: @unchecked Sendable {
    var value = 0
}
