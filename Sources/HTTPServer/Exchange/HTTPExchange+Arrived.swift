import Bytes

extension HTTPExchange {
    /// The whole body where it came with the head, as small ones do; nil where it must be waited for, or is over `limit`.
    /// Spares a put four calls that could wait.
    package func arrivedBody(limit: Int? = nil) -> ByteBuffer? {
        guard case .length(let length) = connection.body, length <= limit ?? bodyLimit else { return nil }
        let input = connection.unusedInput
        guard length <= input.count else { return nil }
        let body = ByteBuffer(capacity: length)
        body.append(UnsafeRawBufferPointer(rebasing: input[..<length]))
        connection.use(length)
        connection.body = .none
        return body
    }
}
