import Testing

@testable import AWS

@Suite struct SecretTests {
    @Test func `a secret prints as dots however it is printed`() {
        let credentials = Credentials(
            accessKeyID: "AKID", secretAccessKey: Secret("very secret"), sessionToken: Secret("very secret token"))
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped] {
            #expect(!text.contains("very"))
            #expect(text.contains("•••"))
        }
        #expect(credentials.secretAccessKey.exposed == "very secret")
    }
}
