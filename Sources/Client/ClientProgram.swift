import AWS
import Glibc
import Reactor

/// Runs one of the commands, which is all that the process does then.
package enum ClientProgram {
    /// Of the environment, beside what says where the sidecar listens.
    package static let variables: Set = [url, token]
    static let url = "KINESIS_SIDECAR_URL"
    static let token = "KINESIS_SIDECAR_TOKEN"

    /// - Parameters:
    ///   - arguments: those behind the command's name.
    ///   - serverFlags: for completion.
    ///   - listeners: what the sidecar's own configuration says.
    ///   - ofProgram: carries out what asks AWS and no sidecar.
    /// - Returns: the exit code, 0 or 1.
    package static func run(
        _ command: ClientCommand, _ arguments: [String], serverFlags: [Completion.Flag],
        listeners: @escaping @Sendable () throws(ClientError) -> ConfiguredListeners,
        ofProgram: @escaping @Sendable (CommandValues, EventLoop) async throws(ClientError) -> Bool
    ) -> Int32 {
        do throws(ClientError) {
            let values = try CommandValues(arguments, of: command)
            if values.has("help") { return try printed(command.help) }
            switch command.action {
            case .printing(let text): return try printed(text(values, serverFlags))
            case .ofProgram:
                return try onLoop { loop throws(ClientError) in try await ofProgram(values, loop) }
            case .asking(let ask):
                return try onLoop { loop throws(ClientError) in
                    let context = ClientContext(loop: loop, listeners: listeners)
                    let succeeded = try await ask(values, context)
                    try context.output.check()
                    return succeeded
                }
            }
        } catch {
            return complain(error, of: command)
        }
    }

    private static func printed(_ text: String) throws(ClientError) -> Int32 {
        let output = Output(fd: 1)
        let isWritten = output.write(text)
        try output.check()
        return isWritten ? 0 : 1
    }

    private static func onLoop(
        _ body: @escaping @Sendable (EventLoop) async throws(ClientError) -> Bool
    ) throws(ClientError) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        let loop: EventLoop
        do {
            loop = try EventLoop(name: "client")
        } catch {
            throw .failed("the event loop cannot be made: \(error)")
        }
        let outcome = Outcome()
        loop.spawn {
            do throws(ClientError) {
                outcome.result = .success(try await body(loop))
            } catch {
                outcome.result = .failure(error)
            }
            loop.stop()
        }
        loop.run()
        return try outcome.result.get() ? 0 : 1
    }

    /// Written by the loop's task, read when the loop has stopped on the same thread.
    private final class Outcome: @unchecked Sendable {
        var result: Result<Bool, ClientError> = .success(false)
    }

    private static func complain(_ error: ClientError, of command: ClientCommand) -> Int32 {
        _ = Output(fd: 2).write("kinesis-sidecar \(command.name): \(PrintableText.line(error.description))\n")
        return 1
    }
}
