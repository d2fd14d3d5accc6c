/// A queue over one array: elements are taken from the front by moving an index, and the space before it is given back
/// when it is half of the array. Both ends cost O(1), amortised.
///
/// Without `@usableFromInline` on the type its members are not specialised in other targets, whatever they say: 3 % of a
/// put's time went into generic code here.
@usableFromInline
package struct Fifo<Element> {
    @usableFromInline var items: [Element?] = []
    @usableFromInline var head = 0

    @inlinable package init() {}

    @inlinable package var isEmpty: Bool { head == items.count }
    @inlinable package var count: Int { items.count - head }
    @inlinable package var first: Element? { isEmpty ? nil : items[head] }

    @inlinable package mutating func append(_ element: Element) {
        items.append(element)
    }

    @discardableResult
    @inlinable package mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = items[head]
        items[head] = nil
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return element
    }
}

extension Fifo: Sendable where Element: Sendable {}
