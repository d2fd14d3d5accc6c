import Kinesis
import MultiLang
import Testing

@Suite struct ProcessorOptionsTests {
    @Test("an application that names nothing is patient, and asks its children at the end")
    func defaults() throws {
        let options = ProcessorOptions(command: ["app"], stream: try #require(StreamName("orders")))
        #expect(options.timeout == nil)
        #expect(options.shutdownGrace == .seconds(5))
        #expect(options.maxChildRestarts == 5)
    }
}
