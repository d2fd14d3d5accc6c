import FuzzDriver
import MultiLang

// What is read lies on lines of the text, in their order, and reads the same once it is written out in escapes. Each property
// becomes something, has no effect, or is a mistake.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzProperties_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = Array(UnsafeBufferPointer(start: start, count: count))
    do throws(PropertiesError) {
        let file = try PropertiesFile(text)
        check(file, lines: 1 + text.count { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") })
        check(ApplicationProperties(file), of: file)
    } catch {
        precondition(error.line >= 1 && !error.problem.isEmpty)
    }
    return 0
}

func check(_ file: PropertiesFile, lines: Int) {
    var line = 0
    for property in file.properties {
        precondition(property.line > line && property.line <= lines)
        line = property.line
    }
    let written = file.properties.map { "\(escaped($0.key))=\(escaped($0.value))\n" }.joined()
    guard let again = try? PropertiesFile(Array(written.utf8)) else {
        preconditionFailure("what is written is no file")
    }
    precondition(again.properties.map(\.key) == file.properties.map(\.key))
    precondition(again.properties.map(\.value) == file.properties.map(\.value))
}

/// As `java.util.Properties.store` could write it: nothing but ASCII, and nothing with a meaning.
func escaped(_ text: String) -> String {
    text.utf16.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
}

func check(_ application: ApplicationProperties, of file: PropertiesFile) {
    let told = application.readings.map(\.line) + application.faults.compactMap(\.line)
    precondition(Set(told) == Set(file.properties.map(\.line)))
    if application.faults.isEmpty {
        precondition(!application.command.isEmpty && application.stream != nil)
        precondition(application.settings.contains { $0.place == .consumer("consumerGroup") && !$0.text.isEmpty })
    }
    precondition(application.readings.allSatisfy { !"\($0)".contains("\n") })
}
