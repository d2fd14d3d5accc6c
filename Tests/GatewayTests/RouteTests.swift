import Gateway
import HTTP
import Kinesis
import Testing

@Suite struct RouteTests {
    private let orders = StreamName("orders")!

    @Test(arguments: [
        ("GET", "/streams/orders/records"), ("HEAD", "/streams/orders/records"), ("POST", "/streams/orders/put"),
        ("POST", "/put"), ("GET", "/streams/orders/shards"), ("GET", "/streams"), ("GET", "/streams/orders"),
        ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/openapi.yaml"), ("GET", "/streams/a%2Db/shards"),
        ("GET", "/"), ("GET", "/metrics"), ("GET", "/stats"), ("GET", "/assignments"), ("GET", "/streams/orders/stats"),
        ("GET", "/streams/orders/assignments"), ("POST", "/streams/orders/start"), ("POST", "/streams/orders/stop"),
        ("POST", "/streams/orders/forget"), ("GET", "/openapi.json"), ("POST", "/drain"),
    ])
    func `a route is found by method and path`(method: String, path: String) throws {
        _ = try Route.find(HTTPMethod(method), path: path)
    }

    @Test func `a stream's name in the path is decoded`() throws {
        #expect(try Route.find(.get, path: "/streams/%6frders/records") == .records(orders))
        #expect(try Route.find(.post, path: "/streams/orders/put") == .put(orders))
        #expect(try Route.find(.post, path: "/put") == .put(nil))
    }

    @Test(arguments: [
        "/stream", "/streams/orders/", "/streams/orders/records/", "/streams/orders/assignment", "/put/orders",
        "/streams/orders/records/x", "/openapi.jsn", "/metrics/", "/drain/orders", "/LIVEZ",
    ])
    func `an unknown path is 404`(path: String) {
        #expect(problem(.get, path)?.code == .unknownRoute)
    }

    @Test(arguments: [
        ("POST", "/streams/orders/records", "GET, HEAD"), ("GET", "/streams/orders/put", "POST"),
        ("PUT", "/put", "POST"), ("DELETE", "/streams/orders", "GET, HEAD"), ("OPTIONS", "/livez", "GET, HEAD"),
        ("BREW", "/streams", "GET, HEAD"),
    ])
    func `a wrong method is 405 and Allow names the right ones`(method: String, path: String, allow: String) {
        let document = problem(HTTPMethod(method), path)
        #expect(document?.code == .methodNotAllowed)
        #expect(document?.httpHeaders.first("Allow") == allow)
    }

    @Test(arguments: ["/streams//records", "/streams/a%20b/put", "/streams/a%2fb", "/streams/%C3%A4/shards"])
    func `what cannot be a stream's name is 400`(path: String) {
        #expect(problem(.get, path)?.code == .badStreamName)
    }

    @Test(arguments: ["/streams/%zz", "/streams/%", "/%ff"])
    func `a path with a bad escape is 400`(path: String) {
        #expect(problem(.get, path)?.code == .malformedURL)
    }

    private func problem(_ method: HTTPMethod, _ path: String) -> ProblemDocument? {
        do {
            _ = try Route.find(method, path: path)
            return nil
        } catch {
            return error.document
        }
    }
}
