import Bytes
import Testing

@testable import AWS

@Suite struct ConfigFileTests {
    @Test func `sections, settings, comments and spaces are read as the SDKs read them`() throws {
        let file = try ConfigFile(
            """
            # a comment
            ; another
            [default]
            region=eu-central-1
            OUTPUT =  json   # behind a space
            empty =
            url = http://x/#fragment;y
            [ profile   dev ] ; note
            Region\t=\tus-east-1\r
            [default]
            region = eu-west-1
            """, name: "config")
        #expect(
            file.sections["default"]?.settings == [
                "region": "eu-west-1", "output": "json", "empty": "", "url": "http://x/#fragment;y",
            ])
        #expect(file.sections["profile dev"]?.settings == ["region": "us-east-1"])
    }

    @Test func `indented lines are nested settings or go on with a value`() throws {
        let file = try ConfigFile(
            """
            [default]
            s3 =
              max_concurrent_requests = 20
              # a comment
              addressing_style = path
            text = one
              two
            region = eu-west-1
            """, name: "config")
        let section = try #require(file.sections["default"])
        #expect(section.nested["s3"] == ["max_concurrent_requests": "20", "addressing_style": "path"])
        #expect(section.settings["text"] == "one\ntwo")
        #expect(section.settings["region"] == "eu-west-1")
    }

    @Test func `a byte order mark and an empty file are no errors`() throws {
        #expect(try ConfigFile("\u{FEFF}[a]\nb=c", name: "f").sections["a"]?.settings == ["b": "c"])
        #expect(try ConfigFile("", name: "f").sections.isEmpty)
        #expect(try ConfigFile("\n\n  \n", name: "f").sections.isEmpty)
    }

    @Test(arguments: [
        ("[default", 1, ConfigFileError.Problem.unclosedSection),
        ("[default] x", 1, .unclosedSection),
        ("\n[ ]", 2, .emptySectionName),
        ("region = x", 1, .outsideSection),
        ("[default]\nregion", 2, .noKey),
        ("[default]\n= x", 2, .noKey),
        ("[default]\n  region = x", 2, .strayContinuation),
        ("[default]\ns3 =\n  nothing", 3, .noKey),
    ])
    func `a bad line is told with file, line and cause`(text: String, line: Int, problem: ConfigFileError.Problem) {
        #expect(throws: ConfigFileError.badLine(file: "config", line: line, problem: problem)) {
            try ConfigFile(text, name: "config")
        }
        let message = ConfigFileError.badLine(file: "config", line: line, problem: problem).description
        #expect(message.hasPrefix("config, line \(line): "))
    }

    @Test func `bytes that are not UTF-8 are a bad line`() {
        let bytes = ByteBuffer(Array("[a]\nb = ".utf8) + [0xFF])
        #expect(throws: ConfigFileError.badLine(file: "f", line: 2, problem: .notUTF8)) {
            try ConfigFile(bytes.bytes, name: "f")
        }
    }
}
