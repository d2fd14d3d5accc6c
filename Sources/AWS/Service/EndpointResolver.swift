/// Finds where a service is asked. Performs no I/O.
///
/// Order, as the AWS SDKs have it: the option, `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, the profile's
/// `endpoint_url`, then the region's own host name.
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
package enum EndpointResolver {
    package static func endpoint(
        service: String, region: Region, option: String?, environment: Environment, profile: Profile?
    ) throws(EndpointError) -> Endpoint {
        if let given = option ?? variable(service, environment) ?? profile?.endpoint(service: service) {
            return try Endpoint(given)
        }
        return Endpoint(scheme: .https, host: "\(service).\(region.name).\(region.partition.dnsSuffix)")
    }

    /// Order: the option, AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`.
    package static func region(
        option: String?, environment: Environment, profile: Profile?
    ) throws(EndpointError) -> Region {
        let named = option ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? profile?["region"]
        guard let named else { throw .regionMissing }
        guard let region = Region(named) else { throw .region(named) }
        return region
    }

    private static func variable(_ service: String, _ environment: Environment) -> String? {
        // Source: the same page; set to true, only what is given in code counts.
        if environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() == "true" { return nil }
        return environment["AWS_ENDPOINT_URL_\(service.uppercased())"] ?? environment["AWS_ENDPOINT_URL"]
    }
}
