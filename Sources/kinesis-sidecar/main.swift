import Client
import Glibc
import Logging

let arguments = Array(CommandLine.arguments.dropFirst())
if let command = ClientCommand.named(arguments.first) {
    exit(
        ClientProgram.run(
            command, Array(arguments.dropFirst()), serverFlags: CommandLineArguments.completionFlags,
            listeners: ListenerSettings.find, ofProgram: ImportKCL.run))
}
if arguments.first == "help", arguments.count == 2, let command = ClientCommand.named(arguments[1]) {
    Exit.print(command.help, code: .success)
}

// Settings → exit 64; build and listen → exit 1; say every address; a signal → drain → the deadline.
let configuration = Configuration.read(arguments)
switch configuration.action {
case .help: Exit.print(Help.text, code: .success)
case .version: Exit.print("kinesis-sidecar \(Help.version)\n", code: .success)
case .configSchema: Exit.print(ConfigSchema.text, code: .success)
case .run, .checkConfiguration: break
}
if !configuration.mistakes.isEmpty {
    Exit.complain(configuration.mistakes.map(\.description), code: .usage)
}

do throws(StartError) {
    if configuration.action == .checkConfiguration {
        try configuration.checkCommands()
        Exit.print(try configuration.report() + "\n", code: .success)
    }
    try configuration.checkCommands()
    ProcessLimits.prepare()
    let program = try Program(configuration.settings)
    configuration.logProperties(Logger(label: "multilang"))
    try program.run()
} catch {
    switch error {
    case .settings(let mistake): Exit.complain([mistake.description], code: .usage)
    case .failed(let what): Exit.complain([what], code: .failure)
    }
}
