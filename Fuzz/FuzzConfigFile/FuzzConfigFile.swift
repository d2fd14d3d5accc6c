import AWS
import FuzzDriver

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzConfigFile_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    do throws(ConfigFileError) {
        let file = try ConfigFile(bytes, name: "fuzz")
        for (title, section) in file.sections {
            precondition(!title.isEmpty)
            for (key, value) in section.settings { precondition(!key.isEmpty && value.utf8.count <= count) }
        }
        let config = SharedConfig(config: file, credentials: file, files: [])
        let nobody = Environment(["HOME": "/home/fuzz"])
        for name in config.profiles.keys {
            // Profiles may name one another in every way, also in circles.
            let plan = try? CredentialsPlan(CredentialsPlan.Options(profile: name), environment: nobody, shared: config)
            if let plan { precondition(!plan.place.isEmpty && plan.passedOver.isEmpty) }
        }
    } catch .badLine(_, let line, _) {
        precondition(line >= 1 && line <= bytes.count { $0 == 10 } + 1)
    } catch {
        preconditionFailure("\(error)")
    }
    return 0
}
