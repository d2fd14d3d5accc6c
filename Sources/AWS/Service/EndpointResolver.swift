/// Finds where services are asked. Performs no I/O.
///
/// Order, as the AWS SDKs have it: the option, `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, the profile's
/// `endpoint_url`, then the host name of the region, in the variant and for the account that are asked for.
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html, feature-endpoints.html and
/// feature-account-endpoints.html there
package struct EndpointResolver: Sendable {
    /// What the configuration says; nil where variables and profile say it.
    package struct Options: Hashable, Sendable {
        package var useFIPS: Bool?
        package var useDualStack: Bool?
        package var accountIDMode: AccountIDEndpointMode?

        package init(
            useFIPS: Bool? = nil, useDualStack: Bool? = nil, accountIDMode: AccountIDEndpointMode? = nil
        ) {
            self.useFIPS = useFIPS
            self.useDualStack = useDualStack
            self.accountIDMode = accountIDMode
        }
    }

    package let variant: EndpointVariant
    package let accountIDMode: AccountIDEndpointMode
    private let environment: Environment
    private let profile: Profile?

    package init(
        _ options: Options = Options(), environment: Environment, profile: Profile?
    ) throws(EndpointError) {
        func truth(_ option: Bool?, _ variable: String, _ key: String) throws(EndpointError) -> Bool {
            if let option { return option }
            guard let text = environment[variable] ?? profile?[key] else { return false }
            guard let value = ["true": true, "false": false][text.lowercased()] else {
                throw .badSetting(environment[variable] == nil ? key : variable, accepted: "true or false")
            }
            return value
        }
        variant = EndpointVariant(
            isFIPS: try truth(options.useFIPS, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
            isDualStack: try truth(options.useDualStack, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"))
        let name = "AWS_ACCOUNT_ID_ENDPOINT_MODE"
        if let mode = options.accountIDMode {
            accountIDMode = mode
        } else if let text = environment[name] ?? profile?["account_id_endpoint_mode"] {
            guard let mode = AccountIDEndpointMode(rawValue: text.lowercased()) else {
                throw .badSetting(
                    environment[name] == nil ? "account_id_endpoint_mode" : name,
                    accepted: "preferred, required or disabled")
            }
            accountIDMode = mode
        } else {
            accountIDMode = .preferred
        }
        self.environment = environment
        self.profile = profile
    }

    package func endpoint(
        _ service: AWSService, region: Region, option: String? = nil
    ) throws(EndpointError) -> ServiceEndpoint {
        if let given = option ?? variable(service) ?? profile?.endpoint(service: service) {
            let endpoint = try Endpoint(given)
            // A host of AWS's own may be a variant itself, as that of a VPC endpoint is; another one knows of none.
            guard variant == EndpointVariant() || endpoint.isOfAWS else {
                throw .variantOfEndpoint(given, isFIPS: variant.isFIPS)
            }
            return ServiceEndpoint(endpoint)
        }
        let shared = try Self.regional(service, region: region, variant)
        return try byAccount(service, shared, Self.domain(service, region, variant), region.partition)
    }

    /// The region's own endpoint, where everybody is asked that has no other.
    package static func regional(
        _ service: AWSService, region: Region, _ variant: EndpointVariant
    ) throws(EndpointError) -> Endpoint {
        let partition = region.partition
        // Source: S3's rule set.
        if service == .s3, variant.isFIPS, partition == .china { throw .noFIPS(region.name) }
        let host = service.hostName(variant, in: partition)
        return Endpoint(scheme: .https, host: "\(host).\(domain(service, region, variant))")
    }

    private static func domain(_ service: AWSService, _ region: Region, _ variant: EndpointVariant) -> String {
        // S3's dual-stack hosts are in the partition's ordinary domain.
        let isOther = variant.isDualStack && service != .s3
        return region.name + "." + (isOther ? region.partition.dualStackSuffix : region.partition.dnsSuffix)
    }

    /// DynamoDB alone has hosts of accounts for requests that name their resources by names; Kinesis has them for ARNs.
    private func byAccount(
        _ service: AWSService, _ shared: Endpoint, _ domain: String, _ partition: Region.Partition
    ) throws(EndpointError) -> ServiceEndpoint {
        guard service == .dynamoDB, accountIDMode != .disabled else { return ServiceEndpoint(shared) }
        guard partition == .commercial, !variant.isFIPS else {
            if accountIDMode == .required { throw .noAccountEndpoints(shared.host) }
            return ServiceEndpoint(shared)
        }
        return ServiceEndpoint(shared, accountDomain: "ddb.\(domain)", isRequired: accountIDMode == .required)
    }

    /// Where it comes from that a service is asked at another place than the region's; nil: it is not.
    package func origin(of service: AWSService) -> String? {
        guard !Self.isIgnored(environment) else { return profileOrigin(service) }
        let names = Self.variables(service)
        return names.first { environment[$0] != nil }.map { "environment \($0)" } ?? profileOrigin(service)
    }

    private func profileOrigin(_ service: AWSService) -> String? {
        profile.flatMap { $0.endpoint(service: service) == nil ? nil : "profile \"\($0.name)\" of the shared files" }
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

    private func variable(_ service: AWSService) -> String? {
        if Self.isIgnored(environment) { return nil }
        return Self.variables(service).lazy.compactMap { environment[$0] }.first
    }

    private static func variables(_ service: AWSService) -> [String] {
        ["AWS_ENDPOINT_URL_\(service.configurationName)", "AWS_ENDPOINT_URL"]
    }

    /// Set to true, only what is given in code counts. Source: feature-ss-endpoints.html
    private static func isIgnored(_ environment: Environment) -> Bool {
        environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() == "true"
    }
}
