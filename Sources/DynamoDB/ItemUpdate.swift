import JSON

/// Where an attribute stands in an item: the names of the maps around it, then its own.
package struct AttributePath: Hashable, Sendable, ExpressibleByArrayLiteral {
    package let names: [String]

    package init(_ names: [String]) {
        precondition(!names.isEmpty)
        self.names = names
    }

    package init(arrayLiteral names: String...) { self.init(names) }

    /// An attribute of the map at this path.
    package func member(_ name: String) -> AttributePath { AttributePath(names + [name]) }

    /// Whether one of the two is the other, or stands within it: the service refuses an update that names both.
    func overlaps(_ other: AttributePath) -> Bool { zip(names, other.names).allSatisfy { $0 == $1 } }
}

/// What has to be true of an item for a write to take place. Performs no I/O.
///
/// A comparison with an attribute that is missing is false, whatever it is compared with, null too; a null exists.
package enum ItemCondition: Equatable, Sendable {
    case equals(AttributePath, AttributeValue)
    case exists(AttributePath)
    case isAbsent(AttributePath)

    /// The attribute is what it was, nil: missing.
    package static func unchanged(_ path: AttributePath, _ value: AttributeValue?) -> ItemCondition {
        value.map { .equals(path, $0) } ?? .isAbsent(path)
    }
}

/// The changes of one UpdateItem, all of which happen or none. Performs no I/O.
package struct ItemUpdate: Equatable, Sendable {
    /// What to set; the maps around each attribute have to be there.
    package private(set) var sets: [(path: AttributePath, value: AttributeValue)] = []
    /// What to remove, where it is there.
    package private(set) var removals: [AttributePath] = []
    /// All have to be true.
    package private(set) var conditions: [ItemCondition] = []

    package init() {}

    package var isEmpty: Bool { sets.isEmpty && removals.isEmpty }

    /// - Precondition: the path overlaps no other that is set or removed.
    package mutating func set(_ path: AttributePath, _ value: AttributeValue) {
        assert(!touches(path), "two paths of an update overlap: \(path.names)")
        sets.append((path, value))
    }

    /// - Precondition: the path overlaps no other that is set or removed.
    package mutating func remove(_ path: AttributePath) {
        assert(!touches(path), "two paths of an update overlap: \(path.names)")
        removals.append(path)
    }

    package mutating func require(_ condition: ItemCondition) {
        if !conditions.contains(condition) { conditions.append(condition) }
    }

    private func touches(_ path: AttributePath) -> Bool {
        sets.contains { $0.path.overlaps(path) } || removals.contains { $0.overlaps(path) }
    }

    package static func == (left: ItemUpdate, right: ItemUpdate) -> Bool {
        left.removals == right.removals && left.conditions == right.conditions
            && left.sets.elementsEqual(right.sets) { $0.path == $1.path && $0.value == $1.value }
    }
}
