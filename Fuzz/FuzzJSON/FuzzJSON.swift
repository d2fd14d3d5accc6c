import Bytes
import FuzzDriver
import JSON

// The check in place, the tree and the scanners must agree on what is JSON; what was read must be written and read
// back the same; base64 that is accepted must be the only text of its bytes.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzJSON_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start else { return 0 }
    // A copy of exactly this length, so that the sanitizer sees a read beyond it.
    let text = ByteBuffer(UnsafeBufferPointer(start: start, count: count))
    withExtendedLifetime(text) {
        let isValid = JSONText.isValid(text.bytes, limits: JSONLimits())
        checkTree(text, isValid)
        if let first = text.bytes.first(where: { !" \t\r\n".utf8.contains($0) }) {
            precondition(scansObject(text) == (isValid && first == UInt8(ascii: "{")))
            precondition(scansArray(text) == (isValid && first == UInt8(ascii: "[")))
        }
        checkBase64(text)
        checkEscapes(text)
    }
    return 0
}

func checkTree(_ text: ByteBuffer, _ isValid: Bool) {
    do throws(JSONError) {
        let tree = try JSONParser.parse(text)
        precondition(isValid)
        var json = JSONWriter()
        json.value(tree)
        precondition((try? JSONParser.parse(json.buffer)) == tree)
    } catch {
        switch error.reason {
        case .duplicateKey, .loneSurrogate: break  // The tree is stricter; what stands behind was not looked at.
        default: precondition(!isValid)
        }
        precondition((0...text.count).contains(error.offset))
    }
}

func scansObject(_ text: ByteBuffer) -> Bool {
    do throws(JSONError) {
        var scanner = try JSONObjectScanner(text.bytes, limits: JSONLimits())
        while let (key, value) = try scanner.next() {
            precondition(key.kind == .string)
            look(value)
        }
        return true
    } catch {
        return false
    }
}

func scansArray(_ text: ByteBuffer) -> Bool {
    do throws(JSONError) {
        var scanner = try JSONArrayScanner(text.bytes, limits: JSONLimits())
        while let value = try scanner.next() { look(value) }
        return true
    } catch {
        return false
    }
}

func look(_ value: JSONSpan) {
    precondition(JSONText.isValid(value.raw))
    _ = value.isString("abc")
    precondition((value.kind == .string) == (value.rawString != nil))
    if let text = try? value.string() {
        var json = JSONWriter()
        json.string(text)
        precondition((try? JSONParser.parse(json.buffer)) == .string(text))
    }
}

func checkBase64(_ text: ByteBuffer) {
    let bytes = ByteBuffer()
    let place = Base64.decode(text.bytes, to: bytes)
    let again = ByteBuffer()
    withExtendedLifetime(bytes) { Base64.encode(bytes.bytes, to: again) }
    if let place {
        precondition((0...text.count).contains(place) && bytes.isEmpty)
    } else {
        precondition(again.array == text.array)
    }
}

func checkEscapes(_ text: ByteBuffer) {
    let quoted = ByteBuffer()
    JSONText.appendString(text.bytes, to: quoted)
    withExtendedLifetime(quoted) {
        precondition(JSONText.isValid(quoted.bytes) == UTF8Text.isValid(text.bytes))
        let inner = UnsafeRawBufferPointer(rebasing: quoted.bytes[1..<(quoted.count - 1)])
        let back = ByteBuffer()
        precondition(JSONText.appendUnescaped(inner, to: back) == nil && back.array == text.array)
    }
}
