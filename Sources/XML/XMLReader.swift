import CExpat

/// Reads a document into elements, over libexpat's events. Performs no I/O.
///
/// A document type is refused, and with it every entity but the five of XML itself and those of characters.
package struct XMLReader: ~Copyable {
    private let parser: XML_Parser
    private let building: Building

    /// The root. Prefixes of names are left out, as are attributes, comments and instructions.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, limits: XMLLimits = XMLLimits()
    ) throws(XMLError) -> XMLElement {
        guard bytes.count <= limits.bytes else { throw XMLError(reason: .tooLong(limit: limits.bytes), line: 1) }
        return try XMLReader(limits).root(of: bytes)
    }

    private init(_ limits: XMLLimits) {
        // Fails only when memory cannot be had, and Swift does not live on then either.
        parser = XML_ParserCreate("UTF-8")!
        building = Building(parser, limits)
        XML_SetUserData(parser, Unmanaged.passUnretained(building).toOpaque())
        XML_SetElementHandler(
            parser,
            { building, name, _ in Building.of(building).begin(name) },
            { building, _ in Building.of(building).end() })
        XML_SetCharacterDataHandler(parser) { building, text, count in
            Building.of(building).append(UnsafeRawBufferPointer(start: text, count: Int(count)))
        }
        XML_SetStartDoctypeDeclHandler(parser) { building, _, _, _, _ in Building.of(building).stop(.doctype) }
    }

    deinit {
        XML_ParserFree(parser)
    }

    private func root(of bytes: UnsafeRawBufferPointer) throws(XMLError) -> XMLElement {
        let status = XML_Parse(parser, bytes.baseAddress, Int32(bytes.count), 1)
        if let reason = building.refusal { throw XMLError(reason: reason, line: line) }
        guard status == XML_STATUS_OK, let root = building.root else {
            let words = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) }
            throw XMLError(reason: .malformed(words ?? "no document"), line: line)
        }
        return root
    }

    private var line: Int { Int(XML_GetCurrentLineNumber(parser)) }
}

/// What the events have made so far.
private final class Building {
    private let parser: XML_Parser
    private let limits: XMLLimits
    private var open: [XMLElement] = []
    private var elements = 0
    private(set) var root: XMLElement?
    /// Why the parser was stopped.
    private(set) var refusal: XMLError.Reason?

    init(_ parser: XML_Parser, _ limits: XMLLimits) {
        self.parser = parser
        self.limits = limits
    }

    static func of(_ pointer: UnsafeMutableRawPointer?) -> Building {
        Unmanaged.fromOpaque(pointer!).takeUnretainedValue()
    }

    func begin(_ name: UnsafePointer<CChar>?) {
        elements += 1
        guard open.count < limits.depth else { return stop(.tooDeep(limit: limits.depth)) }
        guard elements <= limits.elements else { return stop(.tooManyElements(limit: limits.elements)) }
        open.append(XMLElement(Self.withoutPrefix(name.map { String(cString: $0) } ?? "")))
    }

    /// The whole name where what stands behind the colon is none of its own, as in `a:2`.
    private static func withoutPrefix(_ name: String) -> String {
        guard let colon = name.lastIndex(of: ":") else { return name }
        let local = name[name.index(after: colon)...]
        guard let first = local.utf8.first, first >= UInt8(ascii: "A") else { return name }
        return String(local)
    }

    func end() {
        guard refusal == nil, let element = open.popLast() else { return }
        if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
    }

    func append(_ text: UnsafeRawBufferPointer) {
        guard refusal == nil, !open.isEmpty else { return }
        open[open.count - 1].text += String(decoding: text, as: UTF8.self)
    }

    /// Events that are on their way still come, and are left out.
    func stop(_ reason: XMLError.Reason) {
        if refusal == nil { refusal = reason }
        XML_StopParser(parser, 0)
    }
}
