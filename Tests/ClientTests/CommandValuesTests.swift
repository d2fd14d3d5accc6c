import Testing

@testable import Client

@Suite struct CommandValuesTests {
    private func values(_ words: String..., command: String = "put") throws(ClientError) -> CommandValues {
        try CommandValues(words, of: ClientCommand.named(command)!)
    }

    @Test func `a value stands behind its option, in any of the usual ways`() throws {
        for words in [["s", "--key", "k"], ["--key=k", "s"], ["s", "-k", "k"], ["-kk", "s"]] {
            let values = try CommandValues(words, of: ClientCommand.named("put")!)
            #expect(values.operands == ["s"] && values.text("key") == "k", "\(words)")
        }
    }

    @Test func `behind two dashes everything is data, and a dash alone is`() throws {
        #expect(try values("s", "--", "--key", "-x").operands == ["s", "--key", "-x"])
        #expect(try values("s", "-").operands == ["s", "-"])
    }

    @Test(arguments: [
        (["put"], "STREAM is missing; usage: kinesis-sidecar put STREAM [DATA]… [OPTION]…"),
        (["put", "s", "--kee", "k"], "there is no option --kee; did you mean --key?"),
        (["put", "s", "--key"], "--key needs a value: KEY"),
        (["put", "s", "--raw=1"], "--raw takes no value"),
        (["put", "s", "--key", "a", "--key", "b"], "--key is given twice"),
        (["status", "s"], "\"s\" is unexpected; usage: kinesis-sidecar status [OPTION]…"),
        (["completion", "csh"], "\"csh\" is not accepted; accepted: bash, zsh, fish"),
        (["seek", "s", "--frm", "x"], "there is no option --frm; seek --help lists them"),
    ])
    func `a mistake is told with what is accepted`(_ words: [String], _ text: String) {
        let error = #expect(throws: ClientError.self) {
            try CommandValues(Array(words.dropFirst()), of: ClientCommand.named(words[0])!)
        }
        #expect(error == .usage(text))
    }

    @Test func `files may be several`() throws {
        #expect(try values("s", "-f", "a", "--file", "b").all("file") == ["a", "b"])
    }

    @Test func `whoever asks for help needs nothing else`() throws {
        #expect(try values("--help").has("help"))
    }
}
