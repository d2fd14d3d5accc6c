/// A service of AWS: how signatures, host names and configuration call it. Performs no I/O.
package enum AWSService: Hashable, Sendable, CaseIterable {
    case kinesis, dynamoDB, s3, sts
    /// IAM Identity Center: its portal, which gives a role's credentials, and its tokens.
    case sso, ssoOIDC

    /// In the scope of a signature.
    package var signingName: String {
        switch self {
        case .kinesis: "kinesis"
        case .dynamoDB: "dynamodb"
        case .s3: "s3"
        case .sts: "sts"
        case .sso: "awsssoportal"
        case .ssoOIDC: "sso-oauth"
        }
    }

    /// How this program's options and stats call it.
    package var optionName: String { self == .dynamoDB ? "dynamoDb" : signingName }

    /// Behind `AWS_ENDPOINT_URL_`, and in lower case in a `services` section of the shared files.
    /// Source: https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
    package var configurationName: String {
        switch self {
        case .kinesis: "KINESIS"
        case .dynamoDB: "DYNAMODB"
        case .s3: "S3"
        case .sts: "STS"
        case .sso: "SSO"
        case .ssoOIDC: "SSO_OIDC"
        }
    }

    /// In front of the region. Source: the services' endpoint rule sets, as botocore has them.
    func hostName(_ variant: EndpointVariant, in partition: Region.Partition) -> String {
        let name =
            switch self {
            case .kinesis, .dynamoDB, .s3, .sts: signingName
            case .sso: "portal.sso"
            case .ssoOIDC: "oidc"
            }
        var host = name
        if variant.isFIPS, !hasPlainFIPSHost(variant, partition) { host += "-fips" }
        // S3 had dual-stack hosts before the partitions got a domain for them.
        if variant.isDualStack, self == .s3 { host += ".dualstack" }
        return host
    }

    /// GovCloud's ordinary endpoints of these are FIPS ones.
    private func hasPlainFIPSHost(_ variant: EndpointVariant, _ partition: Region.Partition) -> Bool {
        partition == .government && !variant.isDualStack && self != .s3
    }

    /// How a service is spoken to that gives credentials.
    var credentialsProtocol: ServiceProtocol {
        switch self {
        case .sts: .query
        case .kinesis, .dynamoDB, .s3, .sso, .ssoOIDC: .json(.v1_1)
        }
    }
}

/// Which of a region's endpoints is asked.
package struct EndpointVariant: Hashable, Sendable {
    /// Cryptography as FIPS 140 has it.
    package var isFIPS: Bool
    /// IPv6 beside IPv4.
    package var isDualStack: Bool

    package init(isFIPS: Bool = false, isDualStack: Bool = false) {
        self.isFIPS = isFIPS
        self.isDualStack = isDualStack
    }
}

/// Whether requests go to a host of the account, where a service has those.
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html
package enum AccountIDEndpointMode: String, CaseIterable, Sendable {
    /// Where the account is known.
    case preferred
    /// Nothing is sent where it is not.
    case required
    case disabled
}
