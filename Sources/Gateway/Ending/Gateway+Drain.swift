import Consumer
import HTTP
import HTTPServer
import JSON
import Time

extension Gateway {
    /// `POST /drain`: readers get their end, the shards go to other members of the groups, and nobody reads here any more;
    /// the process stays, for puts and acknowledgements, until a signal ends it. 202 while something is left, 200 behind it;
    /// asking again changes nothing and tells how far it is.
    func drain(_ exchange: HTTPExchange) async throws(Problem) {
        try refuseOptions(exchange)
        try await refuseBody(exchange)
        if advance(to: .drained) {
            logger.notice(
                "POST /drain: readers end, shards are handed over",
                metadata: [
                    "peer": "\(exchange.remoteAddress)",
                    "milliseconds": .stringConvertible(options.drainTimeout.wholeMilliseconds),
                ])
            let (settled, deadline) = (loop.now + options.settlingTime, loop.now + options.drainTimeout)
            loop.spawn { [services, logger] in
                // While their shards are leased. Something is left for whoever reads besides.
                await services.drainProcessors(settled)
                await services.consumers.shutDown(deadline: deadline)
                logger.notice("drained: nobody reads here any more")
            }
        }
        let left = services.consumers.remains
        var json = JSONWriter()
        json.beginObject()
        json.member("status", left.isEmpty ? "drained" : "draining")
        json.member("readers", left.readers)
        json.member("consumers", left.consumers)
        json.endObject()
        await respond(exchange, json.buffer, left.isEmpty ? .ok : .accepted)
    }
}
