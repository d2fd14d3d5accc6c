import CLinux
import Glibc

/// A program that has been started, until its status is taken. Confined to its loop.
///
/// It leads a process group of its own, and ends with the thread that has started it. Up to `reap` its process id is nobody
/// else's, nor is its group's, which has the same number: signals reach no stranger.
struct SpawnedChild: ~Copyable {
    let pid: pid_t
    /// Readable once the program has ended.
    let end: Descriptor

    /// - Parameters:
    ///   - words: the program, looked for in PATH where it has no slash, and its arguments.
    ///   - streams: what it gets as standard input, output and error, all of them greater than 2.
    /// - Throws: nothing runs then.
    init(_ words: [String], streams: (Int32, Int32, Int32)) throws(ChildProcessError) {
        guard let program = words.first else { throw .notStarted(code: ENOENT) }
        // C would take a word up to there.
        guard !words.contains(where: { $0.utf8.contains(0) }) else { throw .notStarted(code: EINVAL) }
        Signals.tellByCalls()
        let pid = try Children.start { pid in
            Self.withCStrings(Self.places(of: program)) { places in
                Self.withCStrings(words) { arguments in
                    clinux_spawn(places, arguments, environ, [streams.0, streams.1, streams.2], &pid)
                }
            }
        }
        do throws(SystemError) {
            end = try Descriptor("pidfd_open", clinux_pidfd_open(pid))
        } catch {
            Self.signal(pid, SIGKILL)
            // It has hardly begun, so that this does not wait long.
            _ = Children.reap(pid)
            throw .system(error)
        }
        self.pid = pid
    }

    /// Signals the group. SIGKILL reaches the program also where that has left its group.
    func signal(_ number: Int32) { Self.signal(pid, number) }

    private static func signal(_ pid: pid_t, _ number: Int32) {
        // Not twice to the same: many programs take a second SIGTERM for impatience.
        if kill(-pid, number) != 0 || number == SIGKILL { kill(pid, number) }
    }

    /// Takes the status from the kernel. Once `end` is readable that does not wait.
    consuming func reap() -> ChildExit { Children.reap(pid) }

    /// Where a program is looked for, in that order: as execvp(3) does.
    private static func places(of program: String) -> [String] {
        guard !program.utf8.contains(UInt8(ascii: "/")) else { return [program] }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/bin:/usr/bin"
        return path.split(separator: ":", omittingEmptySubsequences: false).map { folder in
            folder.isEmpty ? program : "\(folder)/\(program)"
        }
    }

    /// Texts as C has a list of them.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return body(copies)
    }
}
