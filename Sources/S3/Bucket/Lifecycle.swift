import XML

/// A bucket's rules of expiry. Those that are not ours are kept as they came. Performs no I/O.
package struct Lifecycle: Equatable, Sendable {
    package private(set) var rules: [XMLElement]
    /// A header's value that stands beside the rules and would be lost with the next write of them.
    let leastSize: String?

    package init(rules: [XMLElement] = [], leastSize: String? = nil) {
        self.rules = rules
        self.leastSize = leastSize
    }

    /// The same with these rules of ours; nil where all of them are there already.
    package func adding(_ wanted: some Collection<ExpiryRule>) -> Lifecycle? {
        var changed = self
        for rule in wanted { changed.add(rule) }
        return changed == self ? nil : changed
    }

    private mutating func add(_ rule: ExpiryRule) {
        guard let index = rules.firstIndex(where: { $0["ID"]?.text == rule.id }) else {
            return rules.append(rule.element)
        }
        let days = rules[index]["Expiration"]?["Days"].flatMap { Int($0.text) }
        if rule.isDone(by: days) { return }
        rules[index] = rule.element
    }
}

/// How long the objects below a prefix stay.
package struct ExpiryRule: Hashable, Sendable {
    package enum Days: Hashable, Sendable {
        /// As somebody has said.
        case exactly(Int)
        /// As long as the records that point to them; an older rule that keeps them longer stays.
        case atLeast(Int)

        var count: Int {
            switch self {
            case .exactly(let days), .atLeast(let days): days
            }
        }
    }

    package let id: String
    package let prefix: String
    package let days: Days

    package init(id: String, prefix: String, days: Days) {
        self.id = id
        self.prefix = prefix
        self.days = days
    }

    func isDone(by found: Int?) -> Bool {
        guard let found else { return false }
        switch days {
        case .exactly(let days): return found == days
        case .atLeast(let days): return found >= days
        }
    }

    /// A day for versions that were replaced, and for uploads that nobody finishes: neither is ever read.
    var element: XMLElement {
        XMLElement(
            "Rule",
            [
                XMLElement("ID", id),
                XMLElement("Filter", [XMLElement("Prefix", prefix)]),
                XMLElement("Status", "Enabled"),
                XMLElement("Expiration", [XMLElement("Days", String(days.count))]),
                XMLElement("NoncurrentVersionExpiration", [XMLElement("NoncurrentDays", "1")]),
                XMLElement("AbortIncompleteMultipartUpload", [XMLElement("DaysAfterInitiation", "1")]),
            ])
    }
}
