import HTTPServer
import Kinesis
import Producer

extension Gateway {
    /// A body of lines, each a put of its own; see `PutLinesSession`.
    func putLines(
        _ exchange: HTTPExchange, _ stream: StreamName?, _ options: PutOptions, _ principal: Principal
    ) async throws(Problem) {
        let body = try RequestBody(exchange)
        let producer = services.producer
        let feed: PutFeed
        do {
            feed = try producer.openFeed()
        } catch {
            throw .draining
        }
        let session = PutLinesSession(
            exchange, body, feed, stream, options, principal, puts: producer.options,
            headers: EventFraming.lines.headers)
        await session.run()
    }
}
