import Testing

@testable import Client

@Suite struct CommandTableTests {
    @Test func `names and options are there once`() {
        let names = ClientCommand.all.map(\.name)
        #expect(Set(names).count == names.count)
        for command in ClientCommand.all {
            let flags = command.options.flatMap { ["--" + $0.name] + ($0.letter.map { ["-\($0)"] } ?? []) }
            #expect(Set(flags).count == flags.count, "\(command.name)")
        }
    }

    @Test func `help has every option, in lines that fit`() {
        for command in ClientCommand.all {
            for option in command.options { #expect(command.help.contains("--" + option.name), "\(command.name)") }
            for line in command.help.split(separator: "\n") { #expect(line.count <= 120, "\(line)") }
            #expect(command.row.count <= 120)
        }
    }

    @Test(arguments: Completion.Shell.allCases)
    func `a completion script has every command and every flag`(_ shell: Completion.Shell) {
        let script = Completion(serverFlags: [.init("data-dir", .file("DIR"), help: "it's [here]")]).script(for: shell)
        for command in ClientCommand.all {
            #expect(script.contains(command.name))
            for option in command.options {
                #expect(script.contains(shell == .fish ? "-l \(option.name)" : "--" + option.name))
            }
        }
        #expect(script.contains("data-dir"))
    }
}
