@testable import Gateway
import HTTP
import Testing

@Suite struct RequestIDsTests {
    private func request(_ id: String?) throws -> HTTPRequest {
        var headers: HTTPHeaders = ["Host": "localhost"]
        if let id { headers.add("X-Request-Id", id) }
        return try HTTPRequest(method: .get, target: "/", headers: headers)
    }

    @Test(arguments: ["a", "7f3b-42/x;y=\"z\"", String(repeating: "x", count: 128)])
    func `a name of visible characters is taken over`(_ given: String) throws {
        var ids = RequestIDs()
        #expect(ids.id(of: try request(given)) == given)
    }

    @Test(arguments: [nil, "a b", String(repeating: "x", count: 129), "ä"])
    func `else the request gets one of ours, each another`(_ given: String?) throws {
        var ids = RequestIDs()
        let request = try request(given)
        let (one, other) = (ids.id(of: request), ids.id(of: request))
        #expect(one != given && one != other && one.hasSuffix("-1") && other.hasSuffix("-2"))
    }
}
