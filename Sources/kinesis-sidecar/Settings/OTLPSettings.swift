import AWS
import OTLP

/// What the configuration says of telemetry (`otlp`); what it leaves open the environment of OpenTelemetry says.
struct OTLPSettings: Sendable {
    /// Before whose `/v1/traces` and `/v1/metrics` stands.
    var endpoint: String?
    /// Of each request.
    var headers: [Header] = []
    /// From one round of metrics to the next.
    var interval: Duration?
    var serviceName: String?

    struct Header: Sendable {
        let name: String
        let value: Secret

        static let accepted = "NAME=VALUE, a header field's, its value percent-encoded where it has commas"

        /// nil: it is no field of HTTP.
        init?(name: String, value: String) {
            let isToken = name.utf8.allSatisfy { byte in
                (0x21...0x7E).contains(byte) && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
            }
            guard !name.isEmpty, isToken, value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
            self.name = name.lowercased()
            self.value = Secret(value)
        }

        init?(_ text: String) {
            guard let pair = KeyValueList.pair(text[...]) else { return nil }
            self.init(name: pair.name, value: pair.value)
        }
    }
}
