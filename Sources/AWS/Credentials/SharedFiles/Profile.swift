/// One profile of the shared files: its settings, and where messages say it stands.
package struct Profile: Hashable, Sendable {
    package var name: String
    /// Keys in lower case, as the SDKs compare them.
    package var settings: [String: String]
    /// Nested settings, e.g. `s3` → `max_concurrent_requests`.
    package var nested: [String: [String: String]]
    /// `endpoint_url` of the services section that the profile names, by service.
    package var serviceEndpoints: [String: String]

    package init(
        name: String, settings: [String: String] = [:], nested: [String: [String: String]] = [:],
        serviceEndpoints: [String: String] = [:]
    ) {
        self.name = name
        self.settings = settings
        self.nested = nested
        self.serviceEndpoints = serviceEndpoints
    }

    /// The value under a lower-case key; nil when there is none or it is empty.
    package subscript(key: String) -> String? {
        guard let value = settings[key], !value.isEmpty else { return nil }
        return value
    }

    /// The service's own endpoint, else the one for every service.
    package func endpoint(service: AWSService) -> String? {
        if self["ignore_configured_endpoint_urls"]?.lowercased() == "true" { return nil }
        return serviceEndpoints[service.configurationName.lowercased()] ?? self["endpoint_url"]
    }
}
