import AWS
import Producer
import Testing

@Suite struct BlameTests {
    @Test(arguments: [
        (
            "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=9 cap=9]' at 'records.1.member.data' failed "
                + "to satisfy constraint: Member must have length less than or equal to 8", Blame.content
        ),
        (
            "1 validation error detected: Value '[…]' at 'records' failed to satisfy constraint: Member must have length less "
                + "than or equal to 500", .content
        ),
        (
            "1 validation error detected: Value 'o' at 'Records.2.member.partitionKey' failed to satisfy constraint: Member …",
            .content
        ),
        (
            "1 validation error detected: Value 'x' at 'streamARN' failed to satisfy constraint: Member must satisfy regular "
                + "expression pattern: arn:aws.*:kinesis:.*:\\d{12}:stream/.+", .call
        ),
        ("1 validation error detected: Value 'a b' at 'streamName' failed to satisfy constraint: Member …", .call),
        (
            "2 validation errors detected: Value 'a b' at 'streamName' failed to satisfy constraint: Member …; Value '' at "
                + "'records.3.member.partitionKey' failed to satisfy constraint: Member …", .content
        ),
        // A key that looks like the message around it.
        (
            "1 validation error detected: Value '' at 'streamName' failed to satisfy constraint: ' at "
                + "'records.1.member.explicitHashKey' failed to satisfy constraint: Member …", .content
        ),
        ("", .unnamed),
        ("Stream mode does not support this", .unnamed),
        ("Records size exceeds 5 MB limit", .unnamed),
    ])
    func `a refusal blames what it names`(message: String, blame: Blame) {
        for code in ["ValidationException", "InvalidArgumentException", "SerializationException"] {
            #expect(Blame(.service(ServiceError(code: code, message: message, status: 400))) == blame)
        }
    }

    @Test(arguments: [
        ("HTTP413", 413, Blame.content), ("HTTP404", 404, .call), ("UnknownOperationException", 400, .call),
    ])
    func `another refusal blames the size or the call`(code: String, status: Int, blame: Blame) {
        let message = "at 'records.1.member.data' failed to satisfy constraint"
        #expect(Blame(.service(ServiceError(code: code, message: message, status: status))) == blame)
    }

    @Test func `what is no answer of the service blames the call`() {
        #expect(Blame(.transport(.tls(reason: "expired"))) == .call)
    }
}
