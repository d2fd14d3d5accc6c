import Bytes
import HTTP
import HTTPServer

/// The contract that this program was built with, for whoever comes.
extension Gateway {
    /// `GET /openapi.yaml`, `GET /openapi.json`.
    func openAPI(_ exchange: HTTPExchange, _ format: ContractFormat) async throws(Problem) {
        try refuseOptions(exchange)
        let headers: HTTPHeaders
        let body: ByteBuffer
        switch format {
        case .yaml: (headers, body) = (["Content-Type": "application/yaml"], Contract.yaml)
        case .json: (headers, body) = (["Content-Type": "application/json"], Contract.json)
        }
        await exchange.respond(.ok, headers: headers, body: body)
    }
}

/// The raw value is the end of its path.
package enum ContractFormat: String, CaseIterable, Sendable {
    case yaml, json
}
