import Bytes
import Glibc

/// A file of the folder Tests, e.g. `Vectors/sigv4.json`.
package func testFile(_ path: String) throws -> ByteBuffer {
    let tests = "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    guard let file = fopen(tests + "/" + path, "r") else { throw TestFileError(path: tests + "/" + path, code: errno) }
    defer { fclose(file) }
    let buffer = ByteBuffer()
    while true {
        buffer.reserve(65536)
        let count = fread(buffer.base + buffer.count, 1, 65536, file)
        if count == 0 { return buffer }
        buffer.setCount(buffer.count + count)
    }
}

/// A file of the tests that cannot be read; `code` is errno.
package struct TestFileError: Error {
    package let path: String
    package let code: Int32

    package init(path: String, code: Int32) {
        self.path = path
        self.code = code
    }
}
