/// Where a setting was given, as a mistake names it.
enum Origin: Hashable, Sendable, CustomStringConvertible {
    /// The flag as it is written.
    case commandLine(flag: String)
    case environment(variable: String)
    case file(path: String, line: Int, key: String)

    var description: String {
        switch self {
        case .commandLine(let flag): flag
        case .environment(let variable): "environment \(variable)"
        case .file(let path, let line, let key): "\(path):\(line)" + (key.isEmpty ? "" : " \(key)")
        }
    }
}

/// One thing that is wrong with the configuration: one line on standard error, and exit code 64.
struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
    let origin: Origin?
    let problem: String

    init(_ origin: Origin?, _ problem: String) {
        self.origin = origin
        self.problem = problem
    }

    var description: String {
        guard let origin else { return problem }
        return "\(origin): \(problem)"
    }
}

/// A setting as one layer gives it: the option's name, its values as text (several only for lists), and where.
struct Assignment: Hashable, Sendable {
    let name: String
    let values: [String]
    let origin: Origin
}
