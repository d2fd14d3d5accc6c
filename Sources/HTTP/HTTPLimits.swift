/// The bounds of one server: every one has an answer that tells the client which it met (design section 7).
package struct HTTPLimits: Sendable, Equatable {
    /// Bytes of a request head with all line ends, and of the trailer section of a chunked body; beyond it 431.
    package var headerBytes = 16 * 1024
    /// Bytes of the request line; beyond it 414. RFC 9112, 3 recommends at least 8000.
    package var requestLineBytes = 8 * 1024
    /// Fields of a head; beyond it 431. 100 is what Apache's httpd allows.
    package var headerFields = 100
    /// Bytes of a body after decoding; beyond it 413. A handler may ask for less.
    package var bodyBytes = 16 * 1024 * 1024
    /// Memory for the bodies that are being read, or are held still by those who read them, of all connections together,
    /// in bytes; beyond it 503, before the body is read. One body alone may always be read.
    package var bodyBytesTogether = 64 * 1024 * 1024
    /// Bytes of chunk extensions in one body; beyond it 400. Extensions mean nothing here, so only an attack has many.
    package var chunkExtensionBytes = 4 * 1024
    /// Connections open at the same time; beyond it 503.
    package var connections = 16_000
    /// From accept to the end of the TLS handshake; then closed.
    package var handshakeTime = Duration.seconds(10)
    /// From one request's end to the next one's first byte, and from accept to the first byte; then closed unanswered.
    package var idleTime = Duration.seconds(75)
    /// From a head's first byte to its last; then 408.
    package var headerTime = Duration.seconds(10)
    /// Without a byte while a body is read; then 408.
    package var bodyTime = Duration.seconds(30)
    /// Without a byte taken by the peer while an answer waits to be written; then the connection is cut.
    package var answerTime = Duration.seconds(60)
    /// The same for a streamed answer (`readerWriteTimeout`). Zero is never.
    package var streamWriteTime = Duration.seconds(300)
    /// Without a byte after the last answer, while what the client still sends is read away so that it gets to see that
    /// answer.
    package var lingerTime = Duration.seconds(2)
    /// The same, however much the client sends.
    package var farewellTime = Duration.seconds(30)
    /// Bytes of a body that the handler did not ask for which are read away to keep the connection.
    package var discardBytes = 64 * 1024

    // MARK: HTTP/2, of one connection; beyond one of them it ends with GOAWAY (ENHANCE_YOUR_CALM)

    /// Requests under way at the same time; beyond it REFUSED_STREAM.
    package var http2Streams = 128
    /// Streams that were reset while they were served, by the client or because of its frames.
    package var http2ResetsPerMinute = 1000
    package var http2PingsPerMinute = 3000
    package var http2SettingsPerMinute = 60
    /// Frames of data or fields that have none.
    package var http2EmptyFramesPerMinute = 600
    /// Parts of one block of fields behind its first.
    package var http2Continuations = 16
    package var http2WindowUpdatesPerMinute = 100_000
    package var http2PrioritiesPerMinute = 1000
    /// Bytes of one request's body that may come before they are read; a quarter of what one connection may send so.
    package var http2WindowBytes = 256 * 1024

    package init() {}
}
