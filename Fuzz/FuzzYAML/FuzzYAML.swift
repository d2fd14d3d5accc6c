import FuzzDriver
import YAML

// Whatever is not read names a line of it; what is read lies within its text and the depth that was allowed.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzYAML_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = Array(UnsafeBufferPointer(start: start, count: count))
    do throws(YAMLError) {
        if let root = try YAMLReader.read(text, depthLimit: 8) { check(root, depth: 0) }
    } catch {
        precondition(error.line >= 1 && !error.problem.isEmpty)
    }
    return 0
}

func check(_ node: YAMLNode, depth: Int) {
    precondition(node.line >= 1 && depth <= 8)
    switch node {
    case .scalar: break
    case .sequence(let elements, _): for element in elements { check(element, depth: depth + 1) }
    case .mapping(let members, _):
        precondition(Set(members.map(\.key)).count == members.count)
        for member in members { check(member.value, depth: depth + 1) }
    }
}
