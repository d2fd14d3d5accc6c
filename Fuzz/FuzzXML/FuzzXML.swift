import FuzzDriver
import XML

// What was read must be written and read back the same; an error must name a line of the input.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzXML_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do throws(XMLError) {
        let root = trimmed(try XMLReader.read(UnsafeRawBufferPointer(start: start, count: count)))
        let text = Array(root.document().utf8)
        let back = text.withUnsafeBytes { try? XMLReader.read($0) }
        precondition(back == root)
    } catch {
        precondition(error.line >= 1 && !error.description.isEmpty)
    }
    return 0
}

/// Without the text between elements, which is not written.
func trimmed(_ element: XMLElement) -> XMLElement {
    element.children.isEmpty ? element : XMLElement(element.name, element.children.map(trimmed))
}
