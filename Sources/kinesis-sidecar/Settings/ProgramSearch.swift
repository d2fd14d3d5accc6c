import Glibc

/// Whether a program that is to be run is there.
enum ProgramSearch {
    /// Nil: it is found, and may be run. As execvp looks for it: in PATH, unless its name has a slash.
    static func problem(_ name: String, path: String? = getenv("PATH").map { String(cString: $0) }) -> String? {
        if name.utf8.contains(UInt8(ascii: "/")) {
            return isProgram(name) ? nil : "\(name) cannot be run: \(TextFile.lastError)"
        }
        // An empty part is this folder.
        let folders = (path ?? "/bin:/usr/bin").split(separator: ":", omittingEmptySubsequences: false)
        if folders.contains(where: { isProgram($0.isEmpty ? name : "\($0)/\(name)") }) { return nil }
        return "\(name) is in no folder of PATH; accepted: a program that is, or the path of one"
    }

    private static func isProgram(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, access(path, X_OK) == 0 else { return false }
        guard status.st_mode & S_IFMT == S_IFREG else {
            errno = EACCES
            return false
        }
        return true
    }
}
