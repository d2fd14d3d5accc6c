import DynamoDB

/// An item of DynamoDB in memory: the rules of UpdateItem that the group's writes meet.
///
/// Source: reference/dynamodb-service.md, "Expressions".
struct FakeItem {
    private(set) var item: Item

    enum Outcome: Equatable {
        case done
        /// A condition is not true; nothing has happened.
        case conditionFailed
        /// A map around an attribute is missing; nothing has happened.
        case invalid
    }

    mutating func apply(_ update: ItemUpdate) -> Outcome {
        guard update.conditions.allSatisfy(holds) else { return .conditionFailed }
        var changed = AttributeValue.map(item)
        for (path, value) in update.sets {
            guard changed.set(path.names[...], value) else { return .invalid }
        }
        for path in update.removals {
            guard changed.set(path.names[...], nil) else { return .invalid }
        }
        item = changed.map ?? [:]
        return .done
    }

    func holds(_ conditions: [ItemCondition]) -> Bool { conditions.allSatisfy(holds) }

    private func holds(_ condition: ItemCondition) -> Bool {
        switch condition {
        case .equals(let path, let value): self[path] == value
        case .exists(let path): self[path] != nil
        case .isAbsent(let path): self[path] == nil
        }
    }

    private subscript(path: AttributePath) -> AttributeValue? {
        path.names.reduce(AttributeValue.map(item)) { $0?[$1] }
    }

    init(_ item: Item) { self.item = item }
}

extension AttributeValue {
    fileprivate mutating func set(_ path: ArraySlice<String>, _ value: AttributeValue?) -> Bool {
        guard case .map(var members) = self, let name = path.first else { return false }
        if path.count == 1 {
            members[name] = value
        } else {
            guard var member = members[name], member.set(path.dropFirst(), value) else { return false }
            members[name] = member
        }
        self = .map(members)
        return true
    }
}
