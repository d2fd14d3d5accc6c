import HTTP
import HTTPServer
import JSON
import Time

extension Gateway {
    /// `GET /process`: which process this is, how much it may hold, and its last hour.
    func process(_ exchange: HTTPExchange) async throws(Problem) {
        try refuseOptions(exchange)
        var json = JSONWriter(capacity: 4096)
        json.beginObject()
        json.member("version", options.version)
        json.member("host", options.process.host)
        json.member("pid", options.process.pid)
        json.member("startedOn", options.process.startedOn.iso8601)
        json.member("maxBufferedBytes", services.consumers.maxBufferedBytes)
        json.member("maxPutBytes", services.producer.maxWaitingBytes)
        json.member("sampleMillis", Int(RateWindow.interval.wholeMilliseconds))
        json.key("samples")
        json.beginArray()
        for sample in rates.history.samples { sample.write(&json) }
        json.endArray()
        json.endObject()
        await respond(exchange, json.buffer)
    }
}

extension ProcessHistory.Sample {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("time", time.iso8601)
        json.member("deliveredRecords", deliveredRecords)
        json.member("putRecords", putRecords)
        json.member("throttles", throttles)
        if let millisBehindLatest { json.member("millisBehindLatest", millisBehindLatest) }
        json.member("bufferedBytes", bufferedBytes)
        json.member("waitingPutBytes", waitingPutBytes)
        json.endObject()
    }
}
