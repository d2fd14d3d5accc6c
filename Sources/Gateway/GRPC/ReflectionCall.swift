import Bytes
import HTTPServer
import Protobuf

extension Gateway {
    /// The standard reflection service, in both of its versions, whose messages are the same.
    func reflectCall(_ call: GRPCCall) async throws(Problem) {
        guard let response = try? await call.begin() else { return }
        endless[ObjectIdentifier(call)] = { call.exchange.abandonBody() }
        defer { endless[ObjectIdentifier(call)] = nil }
        var problem: Problem?
        do throws(Problem) {
            while let request = try await call.next(isPatient: true) {
                let answer = try ReflectionRequest(request).response(of: .built)
                // A client that has gone meanwhile ends its requests too.
                try? await response.write([MessageSplitter.framed(answer)])
            }
        } catch {
            problem = error
        }
        await response.finish(trailers: GRPCStatus(problem: problem?.document).trailers)
    }
}

/// One question of reflection, and what the descriptors say to it. Performs no I/O.
/// Source: github.com/grpc/grpc-proto, grpc/reflection/v1/reflection.proto.
struct ReflectionRequest {
    private enum Question {
        case file(name: String)
        case symbol(String)
        /// Extensions, of which there are none.
        case extensions(of: String)
        case services
        case none
    }

    private var question = Question.none
    private let request: ProtobufReader

    init(_ request: ProtobufReader) throws(Problem) {
        self.request = request
        do throws(ProtobufError) { try read(request) } catch { throw .grpc(.malformed(error)) }
    }

    private mutating func read(_ request: ProtobufReader) throws(ProtobufError) {
        var request = request
        while let field = try request.next() {
            switch field.number {
            case 3: question = .file(name: try field.text())
            case 4: question = .symbol(try field.text())
            case 5: question = .extensions(of: "")
            case 6: question = .extensions(of: try field.text())
            case 7: question = .services
            default: break
            }
        }
    }

    func response(of descriptors: DescriptorSet) -> ByteBuffer {
        let writer = ProtobufWriter(ByteBuffer(capacity: 256))
        writer.message(2) { unsafe $0.buffer.append(request.bytes) }
        switch question {
        case .services:
            writer.message(6) { list in
                for service in descriptors.files.flatMap(\.services).sorted() {
                    list.message(1) { $0.text(1, service) }
                }
            }
        case .file(let name): Self.write(descriptors.file(named: name), name, descriptors, writer)
        case .symbol(let symbol): Self.write(descriptors.file(with: symbol), symbol, descriptors, writer)
        case .extensions(let type) where descriptors.messages[type] != nil:
            writer.message(5) { $0.text(1, type) }
        case .extensions(let type): Self.writeNotFound("extensions of \(type)", writer)
        case .none: Self.writeError(.invalidArgument, "The request asks for nothing.", writer)
        }
        return writer.buffer
    }

    /// The file, and those that it needs before it.
    private static func write(
        _ file: DescriptorSet.File?, _ name: String, _ descriptors: DescriptorSet, _ writer: ProtobufWriter
    ) {
        guard let file else { return writeNotFound(name, writer) }
        writer.message(4) { answer in
            for file in descriptors.withDependencies(file) { unsafe answer.bytes(1, descriptors.text(of: file)) }
        }
    }

    private static func writeNotFound(_ what: String, _ writer: ProtobufWriter) {
        writeError(.notFound, "There is no \(what) here.", writer)
    }

    private static func writeError(_ code: GRPCCode, _ message: String, _ writer: ProtobufWriter) {
        writer.message(7) { error in
            error.int(1, code.rawValue)
            error.text(2, message)
        }
    }
}

extension DescriptorSet {
    func file(named name: String) -> File? { files.first { $0.name == name } }

    /// The file in which the symbol is: a message, an enum, a service or a method.
    func file(with symbol: String) -> File? { files.first { $0.symbols.contains(symbol) } }

    /// The file first.
    func withDependencies(_ file: File) -> [File] {
        var all = [file]
        for name in file.dependencies {
            for needed in self.file(named: name).map(withDependencies) ?? []
            where !all.contains(where: { $0.name == needed.name }) {
                all.append(needed)
            }
        }
        return all
    }

    func text(of file: File) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: bytes.bytes[file.place])
    }
}
