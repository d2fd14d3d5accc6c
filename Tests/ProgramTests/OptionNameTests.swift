import Consumer
import Testing

@testable import kinesis_sidecar

@Suite struct OptionNameTests {
    @Test func `every option's variable names the option`() {
        for name in OptionName.all {
            #expect(OptionName.ofVariable(OptionName.variable(name)) == name)
        }
    }

    @Test func `no two options share a name`() {
        #expect(Set(OptionName.all).count == OptionName.all.count)
    }

    @Test func `a dot is two underscores`() {
        #expect(OptionName.variable("dynamoDb.endpoint") == "KINESIS_SIDECAR_DYNAMO_DB__ENDPOINT")
        #expect(OptionName.ofVariable("KINESIS_SIDECAR_DYNAMO_DB__ENDPOINT") == "dynamoDb.endpoint")
        #expect(OptionName.ofVariable("PATH") == nil)
    }

    @Test(arguments: [("pollDelya", "pollDelay"), ("noRecordPollDelay", "noRecordsPollDelay"), ("limti", "limit")])
    func `the nearest name is suggested`(_ typed: String, _ meant: String) {
        #expect(NearestName.of(typed, among: OptionName.all) == meant)
    }

    @Test func `a name that is like none, or longer than any, gets no suggestion`() {
        #expect(NearestName.of("zzzzzzzz", among: OptionName.all) == nil)
        let long = String(repeating: "a", count: 65)
        #expect(NearestName.of(long, among: [long]) == nil)
    }
}
