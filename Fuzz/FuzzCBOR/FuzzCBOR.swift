import Bytes
import CBOR
import FuzzDriver

// The tree and the scanners must agree on what is CBOR; what was read must be written and read back the same; an error must
// name a place in the input.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzCBOR_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start else { return 0 }
    // A copy of exactly this length, so that the sanitizer sees a read beyond it.
    let input = ByteBuffer(UnsafeBufferPointer(start: start, count: count))
    // Small, so that inputs of this size reach them.
    for limits in [CBORLimits(), CBORLimits(depth: 3, stringBytes: 16, items: 20)] {
        let tree = checkTree(input, limits)
        checkMap(input, limits, tree)
        checkArray(input, limits, tree)
    }
    return 0
}

/// What came of reading the whole input as a tree.
enum Outcome {
    case tree(CBORValue)
    /// The tree is stricter than the scanners here, and has not looked at what stands behind.
    case duplicateKey
    case refused
}

func checkTree(_ input: ByteBuffer, _ limits: CBORLimits) -> Outcome {
    do throws(CBORError) {
        let tree = try CBORValue(input, limits: limits)
        let writer = CBORWriter(ByteBuffer())
        writer.value(tree)
        // NaN is not equal to itself, so that the bytes are compared.
        let again = CBORWriter(ByteBuffer())
        guard let back = try? CBORValue(writer.buffer, limits: limits) else { preconditionFailure("not read back") }
        again.value(back)
        precondition(again.buffer.array == writer.buffer.array)
        return .tree(tree)
    } catch {
        precondition((0...input.count).contains(error.offset))
        precondition(!error.description.isEmpty)
        return error.reason == .duplicateKey ? .duplicateKey : .refused
    }
}

func checkMap(_ input: ByteBuffer, _ limits: CBORLimits, _ outcome: Outcome) {
    do throws(CBORError) {
        var scanner = try CBORMapScanner(input, limits: limits)
        while let (key, value) = try scanner.next() {
            look(key)
            look(value)
        }
        agree(outcome)
    } catch {
        precondition((0...input.count).contains(error.offset))
        if case .tree(let tree) = outcome { precondition(!isMap(tree)) }
    }
}

func checkArray(_ input: ByteBuffer, _ limits: CBORLimits, _ outcome: Outcome) {
    do throws(CBORError) {
        var scanner = try CBORArrayScanner(input, limits: limits)
        while let element = try scanner.next() { look(element) }
        agree(outcome)
    } catch {
        precondition((0...input.count).contains(error.offset))
        if case .tree(let tree) = outcome { precondition(!isArray(tree)) }
    }
}

func agree(_ outcome: Outcome) {
    if case .refused = outcome { preconditionFailure("a scanner takes what the tree refuses") }
}

func look(_ span: CBORSpan) {
    _ = span.isString("abc")
    precondition((span.text() != nil) == (span.kind == .text))
    precondition((span.content() != nil) == (span.kind == .text || span.kind == .bytes))
    if let text = span.text(), let tree = try? span.value() { precondition(untagged(tree) == .text(text)) }
}

func untagged(_ value: CBORValue) -> CBORValue {
    if case .tag(_, let inner) = value { untagged(inner) } else { value }
}

func isMap(_ value: CBORValue) -> Bool {
    if case .map = untagged(value) { true } else { false }
}

func isArray(_ value: CBORValue) -> Bool {
    if case .array = untagged(value) { true } else { false }
}
