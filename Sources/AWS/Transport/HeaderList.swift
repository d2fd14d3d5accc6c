import Bytes
import CCurl

/// A `curl_slist` of header lines in two blocks of memory that are used again: libcurl's own functions allocate twice a
/// line. libcurl reads the list while the transfer runs. Confined to its loop.
final class HeaderList {
    private let text = ByteBuffer(capacity: 1024)
    private var starts: [Int] = []
    private var nodes = UnsafeMutablePointer<curl_slist>.allocate(capacity: 12)
    private var room = 12

    /// The first line, for CURLOPT_HTTPHEADER.
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    deinit {
        nodes.deallocate()
    }

    /// - Throws: `.badHeader` for a name or value that would end its line.
    func fill(_ headers: [(name: String, value: String)]) throws(TransportError) {
        text.removeAll()
        starts.removeAll(keepingCapacity: true)
        // Without it a body over 1 MiB waits a second for the service to ask for it. Accept: */* says nothing.
        add("Expect:")
        add("Accept:")
        // Without it a body without a content type would be called a form. One that is given follows.
        add("Content-Type:")
        for (name, value) in headers {
            let start = text.count
            starts.append(start)
            text.append(name)
            // A colon with nothing behind it would remove the header.
            text.append(value.isEmpty ? ";" : ": ")
            text.append(value)
            guard !name.isEmpty, isPlain(from: start) else { throw .badHeader(name: name) }
            text.append(0)
        }
        link()
    }

    private func add(_ line: StaticString) {
        starts.append(text.count)
        text.append(line)
        text.append(0)
    }

    /// Points the nodes at the lines, which do not move any more.
    private func link() {
        if starts.count > room {
            nodes.deallocate()
            room = starts.count
            nodes = .allocate(capacity: room)
        }
        for (index, start) in starts.enumerated() {
            let line = UnsafeMutableRawPointer(text.base + start).assumingMemoryBound(to: CChar.self)
            let next = index + 1 < starts.count ? nodes + index + 1 : nil
            (nodes + index).initialize(to: curl_slist(data: line, next: next))
        }
        head = nodes
    }

    /// Whether what was appended from here on is one line of text.
    private func isPlain(from start: Int) -> Bool {
        text.bytes[start...].allSatisfy { ($0 >= 32 && $0 != 127) || $0 == 9 }
    }
}
