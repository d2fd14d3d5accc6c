import MultiLang

/// What one properties file of the MultiLangDaemon gives (`multilang`). Performs no I/O.
struct PropertiesSettings: Sendable {
    let path: String
    /// Nil: the file cannot be read.
    let application: ApplicationProperties?
    let mistakes: [Mistake]

    init(_ text: [UInt8], path: String) {
        self.path = path
        do throws(PropertiesError) {
            let application = ApplicationProperties(try PropertiesFile(text))
            self.application = application
            mistakes = application.faults.map { fault in
                guard let line = fault.line else { return Mistake(nil, "\(path): \(fault.key) \(fault.problem)") }
                return Mistake(.file(path: path, line: line, key: fault.key), fault.problem)
            }
        } catch {
            application = nil
            mistakes = [Mistake(.file(path: path, line: error.line, key: ""), error.problem)]
        }
    }

    /// A file that cannot be read at all.
    init(unreadable path: String, _ problem: String) {
        self.path = path
        application = nil
        mistakes = [Mistake(nil, "\(path) \(problem)")]
    }

    /// An option as a property gives it, under its own name and the property's.
    func assignment(_ setting: ApplicationProperties.Setting) -> Assignment {
        Assignment(
            name: setting.place.name, values: [setting.text],
            origin: .file(path: path, line: setting.line, key: setting.key))
    }
}

/// What became of the properties of one file, for `--check-config` and the log.
struct PropertiesReport: Sendable {
    let path: String
    /// In the order of the file.
    var readings: [ApplicationProperties.Reading]
    /// What is otherwise than it was under the daemon although no property says so.
    var remarks: [String]

    /// One line for each property and each remark.
    var lines: [String] {
        readings.map { "\(path):\($0.line)  \($0)" } + remarks.map { "\(path)  \($0)" }
    }

    /// The keys without effect, with the name that was meant where one is none of KCL's.
    var withoutEffect: [String] {
        readings.compactMap { reading in
            switch reading.outcome {
            case .became: nil
            case .nothing, .unknown(meant: nil): reading.key
            case .unknown(let meant?): "\(reading.key) (did you mean \(meant)?)"
            }
        }
    }

    /// What is not quite as its property says, and what no property says.
    var departures: [String] {
        readings.compactMap { if case .became(_, note: .some) = $0.outcome { "\($0)" } else { nil } } + remarks
    }
}
