import Bytes
import CNGHTTP2
import HTTP
import Reactor

/// What nghttp2 tells of the frames that it reads, and asks for those that it writes.
extension HTTP2Connection {
    /// A session that calls the connection, which it does not retain.
    static func newSession(_ connection: HTTP2Connection) -> OpaquePointer {
        var session: OpaquePointer?
        let user = Unmanaged.passUnretained(connection).toOpaque()
        guard nghttp2_session_server_new2(&session, callbacks, user, options) == 0, let session else {
            preconditionFailure("nghttp2_session_server_new2")
        }
        return session
    }

    private static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2Connection {
        Unmanaged<HTTP2Connection>.fromOpaque(user!).takeUnretainedValue()
    }

    /// Read by every session, written once.
    nonisolated(unsafe) private static let options: OpaquePointer = {
        var options: OpaquePointer?
        guard nghttp2_option_new(&options) == 0, let options else { preconditionFailure("nghttp2_option_new") }
        // A window grows when the body was read, not when it came.
        nghttp2_option_set_no_auto_window_update(options, 1)
        return options
    }()

    nonisolated(unsafe) private static let callbacks: OpaquePointer = {
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks else {
            preconditionFailure("nghttp2_session_callbacks_new")
        }
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, user in
            of(user).frameBegins(header!.pointee)
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
            of(user).headersBegin(frame!.pointee)
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, length, _, user in
            of(user).field(
                UnsafeRawBufferPointer(start: name, count: nameLength),
                UnsafeRawBufferPointer(start: value, count: length), of: frame!.pointee.hd.stream_id)
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            of(user).received(frame!.pointee)
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, data, length, user in
            let connection = of(user)
            if let stream = connection.streams[id] {
                stream.received(UnsafeRawBufferPointer(start: data, count: length))
            } else {
                connection.consumed(length, of: id)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, user in
            of(user).closed(id, code)
            return 0
        }
        return callbacks
    }()

    // MARK: Reading

    private func frameBegins(_ header: nghttp2_frame_hd) -> Int32 {
        let isAck = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
        let isEnd = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let kind: FloodGuard.Kind?
        switch UInt32(header.type) {
        case NGHTTP2_PING.rawValue: kind = isAck ? nil : .ping
        case NGHTTP2_SETTINGS.rawValue: kind = isAck ? nil : .settings
        case NGHTTP2_WINDOW_UPDATE.rawValue: kind = .windowUpdate
        case NGHTTP2_PRIORITY.rawValue: kind = .priority
        case NGHTTP2_CONTINUATION.rawValue: kind = .continuation
        case NGHTTP2_DATA.rawValue: kind = header.length == 0 && !isEnd ? .empty : nil
        case NGHTTP2_HEADERS.rawValue:
            flood.blockBegins()
            kind = header.length == 0 ? .empty : nil
        default: kind = nil
        }
        guard let kind, flood.exceeds(kind, now: loop.now) else { return 0 }
        endForFlood(kind)
        return 0
    }

    private func headersBegin(_ frame: nghttp2_frame) -> Int32 {
        let id = frame.hd.stream_id
        // Fields behind a body mean nothing here.
        guard frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
        let stream = HTTP2Stream(self, id)
        streams[id] = stream
        arriving = stream
        blockDue = loop.now + limits.headerTime
        return 0
    }

    private func field(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, of id: Int32) -> Int32 {
        // Fields of a block come one behind the other.
        guard let stream = arriving?.id == id ? arriving : streams[id], let size = stream.request?.byteCount else {
            return 0
        }
        // Beyond the limit nothing more is kept: the request is refused when its fields have come.
        if size <= server.limits.headerBytes { stream.request?.add(name, value) }
        return 0
    }

    private func received(_ frame: nghttp2_frame) {
        let isEnd = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            guard let stream = streams[frame.hd.stream_id] else { return }
            if isEnd { stream.bodyEnded() }
            if frame.headers.cat == NGHTTP2_HCAT_REQUEST { serve(stream) }
        case NGHTTP2_DATA.rawValue:
            if isEnd { streams[frame.hd.stream_id]?.bodyEnded() }
        case NGHTTP2_PING.rawValue where frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0:
            heard(withUnsafeBytes(of: frame.ping.opaque_data) { $0.loadUnaligned(as: UInt64.self) })
        default: break
        }
    }

    private func serve(_ stream: HTTP2Stream) {
        server.requestCount += 1
        blockDue = nil
        guard let fields = stream.request else { return }
        stream.request = nil
        let head: RequestHead
        do throws(HTTPParseError) {
            head = try fields.head(server.limits)
        } catch {
            let (headers, body) = server.onBadRequest(.malformed(error))
            loop.spawn {
                await stream.respond(
                    RefusedRequest.malformed(error).status, headers, length: body.count, body, trailers: [:])
                stream.handlerEnded()
            }
            return
        }
        stream.begin(head.facts)
        let request = HTTPRequest(head: head, scheme: channel.isSecure ? "https" : "http")
        let exchange = HTTPExchange(request: request, stream: stream)
        stream.exchange = exchange
        loop.spawn { [server] in
            await server.handler.handle(exchange)
            await exchange.conclude()
            stream.handlerEnded()
        }
    }

    private func closed(_ id: Int32, _ code: UInt32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        if arriving === stream {
            arriving = nil
            blockDue = nil
        }
        let isServed = stream.exchange != nil
        stream.closed(isOrderly: code == NGHTTP2_NO_ERROR.rawValue)
        // Whoever reset it, its frames did: a handler works on for nobody, and the next stream has its room already.
        if isServed, code != NGHTTP2_NO_ERROR.rawValue, flood.exceeds(.reset, now: loop.now) { endForFlood(.reset) }
        setReadTime()
    }

    // MARK: Writing

    static let provide: nghttp2_data_source_read_callback = { _, id, buffer, room, flags, _, user in
        guard let stream = of(user).streams[id] else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        switch stream.provide(into: buffer!, room: room) {
        case .bytes(let count):
            of(user).flood.sent(bytes: count)
            return count
        case .last(let count, let trailers):
            of(user).flood.sent(bytes: count)
            flags!.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if let trailers {
                flags!.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                of(user).submit(trailers: trailers, for: id)
            }
            return count
        case .nothing: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
    }
}
