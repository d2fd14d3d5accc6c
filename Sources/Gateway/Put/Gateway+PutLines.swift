import HTTP
import HTTPServer
import Kinesis
import Producer

extension Gateway {
    /// A body of lines, each a put of its own; see `PutLinesSession`.
    func putLines(_ exchange: HTTPExchange, _ stream: StreamName?) async throws(Problem) {
        let items = try Self.items(exchange.request.query)
        let options = try PutOptions(items, accepted: PutOptions.ofLines, type: Self.linesType)
        let producer = services.producer
        let feed: PutFeed
        do {
            feed = try producer.openFeed()
        } catch {
            throw .draining
        }
        let session = PutLinesSession(
            exchange, feed, stream, options, memory: producer.options.maxPutBytes,
            headers: EventFraming.lines.headers)
        await session.run()
    }
}
