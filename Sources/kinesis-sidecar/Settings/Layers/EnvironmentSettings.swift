import Client

/// The settings that the environment gives: the variables that begin with `KINESIS_SIDECAR_`. Performs no I/O.
struct EnvironmentSettings: Equatable, Sendable {
    private(set) var assignments: [Assignment] = []
    private(set) var configFile: String?
    private(set) var mistakes: [Mistake] = []

    init(_ variables: [(name: String, value: String)]) {
        for (variable, value) in variables.sorted(by: { $0.name < $1.name }) {
            guard let name = OptionName.ofVariable(variable), !Self.isOfOthers(variable) else { continue }
            let origin = Origin.environment(variable: variable)
            if name == "config" {
                configFile = value
            } else if ConfigFileSettings.EntryList(rawValue: name) != nil {
                mistakes.append(Mistake(origin, "\(name) are listed in the configuration file only"))
            } else {
                let isList = ProgramOption.named(name)?.isList ?? false
                let values = isList ? Self.elements(value) : [value]
                assignments.append(Assignment(name: name, values: values, origin: origin))
            }
        }
    }

    private static func elements(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.drop { $0 == " " } }.map { element in
            String(element.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// Variables that the commands read, and those that Kubernetes sets.
    private static func isOfOthers(_ variable: String) -> Bool {
        ClientProgram.variables.contains(variable) || isKubernetes(variable)
    }

    /// Kubernetes gives every container the address of each service of its namespace, for one that is named
    /// kinesis-sidecar under our prefix. Source: Kubernetes, "Service", environment variables.
    private static func isKubernetes(_ variable: String) -> Bool {
        let rest = variable.dropFirst(OptionName.prefix.count)
        if rest == "SERVICE_HOST" || rest == "PORT" || rest.hasPrefix("SERVICE_PORT") { return true }
        // PORT_8700_TCP_ADDR and its like; --port-file is PORT_FILE.
        return rest.hasPrefix("PORT_") && rest.dropFirst(5).first?.isNumber == true
    }
}
