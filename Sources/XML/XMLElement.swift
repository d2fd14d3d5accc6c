/// An element of a document as the services of AWS write them: a name, and elements or a text inside.
///
/// Attributes are not kept: the only one they use is a namespace. Where an element holds others, its text is the white
/// space between them.
package struct XMLElement: Equatable, Sendable {
    /// Without a prefix.
    package var name: String
    package var children: [XMLElement]
    /// All characters that stand directly inside, entities resolved.
    package var text: String

    package init(_ name: String, _ children: [XMLElement]) {
        self.name = name
        self.children = children
        text = ""
    }

    package init(_ name: String, _ text: String = "") {
        self.name = name
        self.text = text
        children = []
    }

    /// The first element of this name directly inside.
    package subscript(name: String) -> XMLElement? {
        children.first { $0.name == name }
    }

    /// The elements of this name directly inside, in their order.
    package func all(_ name: String) -> [XMLElement] {
        children.filter { $0.name == name }
    }
}
