import Bytes

/// A look at the metadata service: the token that its second version wants, and what is asked with it. Confined to its loop.
package struct InstanceSession {
    private let metadata: InstanceMetadata
    private let transport: Transport
    private let token: Secret

    package init(_ metadata: InstanceMetadata, _ transport: Transport) async throws(CredentialsError) {
        self.metadata = metadata
        self.transport = transport
        var request = TransportRequest(
            method: .put, endpoint: metadata.endpoint,
            headers: [("x-aws-ec2-metadata-token-ttl-seconds", InstanceMetadata.tokenLife)],
            timeout: InstanceMetadata.timeout, responseLimit: 4 << 10)
        request.path = metadata.path(InstanceMetadata.tokenPath)
        token = Secret(String(decoding: try await transport.answer(request, "\(metadata)"), as: UTF8.self))
    }

    package func get(_ path: String) async throws(CredentialsError) -> [UInt8] {
        var request = TransportRequest(
            method: .get, endpoint: metadata.endpoint, headers: [("x-aws-ec2-metadata-token", token.exposed)],
            timeout: InstanceMetadata.timeout, responseLimit: 64 << 10)
        request.path = metadata.path(path)
        return try await transport.answer(request, "\(metadata)")
    }

    /// The region that the machine is in.
    package static func region(
        _ metadata: InstanceMetadata, _ transport: Transport
    ) async throws(CredentialsError) -> Region {
        let session = try await InstanceSession(metadata, transport)
        let text = String(decoding: try await session.get(InstanceMetadata.regionPath), as: UTF8.self)
        guard let region = Region(text) else {
            throw .failed(source: "\(metadata)", .answer(problem: "it names no region"))
        }
        return region
    }
}

extension Transport {
    /// The body of a success.
    func answer(_ request: TransportRequest, _ source: String) async throws(CredentialsError) -> [UInt8] {
        let response: TransportResponse
        do throws(TransportError) {
            response = try await send(request)
        } catch {
            throw .failed(source: source, .transport(error))
        }
        guard response.head.isSuccess else { throw .failed(source: source, .status(response.status)) }
        return response.body.array
    }
}
