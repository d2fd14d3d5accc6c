extension XMLElement {
    /// The element as a document without a declaration, in UTF-8.
    ///
    /// - Parameter namespace: of the root and so of all inside.
    /// - Precondition: what XML 1.0 cannot hold (control characters but tab, line feed and carriage return) is in no text.
    package func document(namespace: String? = nil) -> String {
        var text = ""
        append(to: &text, namespace: namespace)
        return text
    }

    private func append(to out: inout String, namespace: String?) {
        out += "<\(name)"
        if let namespace {
            out += " xmlns=\""
            Self.appendEscaped(namespace, to: &out)
            out += "\""
        }
        out += ">"
        if children.isEmpty { Self.appendEscaped(text, to: &out) }
        for child in children { child.append(to: &out, namespace: nil) }
        out += "</\(name)>"
    }

    /// A carriage return would be read back as a line feed (XML 1.0, 2.11).
    private static func appendEscaped(_ text: String, to out: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\r": out += "&#13;"
            default: out.unicodeScalars.append(scalar)
            }
        }
    }
}
