import Bytes
import HTTP
import JSON

/// A problem as it is answered: RFC 9457's members, `code`, and what the case adds.
package struct ProblemDocument: Equatable, Sendable {
    package static let contentType = "application/problem+json"

    package var code: ProblemCode
    /// Sentences for people: what was met here, what is accepted, what to do.
    package var detail: String
    /// `option`, `field`, `index`, `accepted` and the like: what a program needs beside the code.
    package var members: [JSONMember] = []
    /// Fields of the answer that belong to the problem: Allow, Retry-After.
    package var headers: [(String, String)] = []

    package init(_ code: ProblemCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// The same with one more member.
    package func with(_ name: String, _ value: JSONValue?) -> ProblemDocument {
        guard let value else { return self }
        var copy = self
        copy.members.append(JSONMember(key: name, value: value))
        return copy
    }

    /// The same with one more header field.
    package func header(_ name: String, _ value: String) -> ProblemDocument {
        var copy = self
        copy.headers.append((name, value))
        return copy
    }

    package var httpHeaders: HTTPHeaders {
        var fields: HTTPHeaders = ["Content-Type": Self.contentType, "Cache-Control": "no-store"]
        for (name, value) in headers { fields.add(name, value) }
        return fields
    }

    package var body: ByteBuffer {
        var json = JSONWriter(capacity: 256)
        write(&json)
        return json.buffer
    }

    /// The body without its opening brace, as an event has it.
    package var openBody: ByteBuffer {
        var json = JSONWriter(capacity: 256)
        writeMembers(&json)
        return json.buffer
    }

    func write(_ json: inout JSONWriter) {
        json.beginObject()
        writeMembers(&json)
    }

    private func writeMembers(_ json: inout JSONWriter) {
        json.member("type", "urn:kinesis-sidecar:problem:" + code.rawValue)
        json.member("title", code.title)
        json.member("status", code.status.rawValue)
        json.member("detail", detail)
        json.member("code", code.rawValue)
        for member in members {
            json.key(member.key)
            json.value(member.value)
        }
        json.endObject()
    }

    package static func == (left: ProblemDocument, right: ProblemDocument) -> Bool {
        left.code == right.code && left.detail == right.detail && left.members == right.members
            && left.headers.elementsEqual(right.headers, by: ==)
    }
}
