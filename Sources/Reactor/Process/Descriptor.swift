import CLinux
import Glibc

/// A file descriptor that is closed when its owner lets go of it.
struct Descriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) {
        self.number = number
    }

    /// - Parameter number: what `call` returned; -1 where it failed, with errno.
    init(_ call: StaticString, _ number: Int32) throws(SystemError) {
        guard number >= 0 else { throw SystemError(call) }
        self.number = number
    }

    deinit { close(number) }
}

/// A pipe, of which no program that is started gets an end but by its place.
struct Pipe: ~Copyable {
    let reading: Descriptor
    let writing: Descriptor

    init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("pipe2") }
        reading = Descriptor(ends[0])
        writing = Descriptor(ends[1])
    }
}
