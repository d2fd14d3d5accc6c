import Logging
import Testing

@testable import kinesis_sidecar

@Suite struct MemberIdentityTests {
    @Test func `a name has 22 characters of base 58, and is another each time`() {
        let names = Set((0..<100).map { _ in MemberIdentity.new().text })
        #expect(names.count == 100)
        for name in names { #expect(MemberIdentity.read(Array((name + "\n").utf8))?.text == name) }
    }

    @Test(arguments: ["", "\n", "2Kqr9XwQm3vTbY7cZ8dHjL", "0Kqr9XwQm3vTbY7cZ8dHjL\n", "2Kqr9XwQm3vTbY7cZ8dHjLL\n"])
    func `what is no name is none`(text: String) {
        #expect(MemberIdentity.read(Array(text.utf8)) == nil)
    }
}
