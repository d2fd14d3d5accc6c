import JSON
import TestSupport
import Testing

@testable import AWS

@Suite struct EndpointResolverTests {
    private static func resolver(
        _ variables: [String: String] = [:], _ profile: Profile? = nil,
        _ options: EndpointResolver.Options = EndpointResolver.Options()
    ) throws -> EndpointResolver {
        try EndpointResolver(options, environment: Environment(variables), profile: profile)
    }

    /// Tests/Vectors/endpoints.json: every service in every partition, in every variant.
    @Test func `endpoints are where botocore's rule sets have them`() throws {
        let all = try #require(JSONParser.parse(try testFile("Vectors/endpoints.json"))["endpoints"]?.array)
        let services = Dictionary(uniqueKeysWithValues: AWSService.allCases.map { ("\($0)", $0) })
        for vector in all {
            let options = EndpointResolver.Options(
                useFIPS: vector["fips"]?.bool, useDualStack: vector["dualStack"]?.bool,
                accountIDMode: vector["mode"]?.string.flatMap(AccountIDEndpointMode.init))
            var credentials = Credentials.local
            credentials.accountID = vector["account"]?.string.flatMap { AccountID($0) }
            let service = try #require(services[vector["service"]?.string ?? ""])
            let region = try #require(Region(vector["region"]?.string ?? ""))
            let found = Result {
                try Self.resolver([:], nil, options).endpoint(service, region: region).endpoint(for: credentials).url
            }
            let wanted = vector["url"]?.string.map { $0 + "/" }
            #expect((try? found.get()) == wanted, "\(vector)")
        }
        #expect(all.count > 400)
    }

    @Test func `option, service's variable, variable, profile's services, profile go in this order`() throws {
        let profile = Profile(
            name: "p", settings: ["endpoint_url": "http://profile"], serviceEndpoints: ["kinesis": "http://services"])
        func host(_ option: String?, _ variables: [String: String], _ profile: Profile?) throws -> String {
            try Self.resolver(variables, profile).endpoint(.kinesis, region: .local, option: option).shared.host
        }
        let both = ["AWS_ENDPOINT_URL_KINESIS": "http://one", "AWS_ENDPOINT_URL": "http://all"]
        #expect(try host("http://option", both, profile) == "option")
        #expect(try host(nil, both, profile) == "one")
        #expect(try host(nil, ["AWS_ENDPOINT_URL": "http://all"], profile) == "all")
        #expect(try host(nil, [:], profile) == "services")
        #expect(try host(nil, [:], Profile(name: "p", settings: ["endpoint_url": "http://profile"])) == "profile")
        let ignored = both.merging(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"]) { old, _ in old }
        #expect(try host(nil, ignored, nil) == "kinesis.us-east-1.amazonaws.com")
        #expect(throws: EndpointError.scheme("all")) { try host(nil, ["AWS_ENDPOINT_URL": "all"], nil) }
    }

    @Test func `option, variable, profile choose the variant in this order`() throws {
        let profile = Profile(
            name: "p",
            settings: [
                "use_fips_endpoint": "true", "use_dualstack_endpoint": "TRUE", "account_id_endpoint_mode": "required",
            ])
        let ofProfile = try Self.resolver([:], profile)
        #expect(ofProfile.variant == EndpointVariant(isFIPS: true, isDualStack: true))
        #expect(ofProfile.accountIDMode == .required)
        let variables = [
            "AWS_USE_FIPS_ENDPOINT": "false", "AWS_USE_DUALSTACK_ENDPOINT": "false",
            "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        ]
        let ofVariables = try Self.resolver(variables, profile)
        #expect(ofVariables.variant == EndpointVariant() && ofVariables.accountIDMode == .disabled)
        let options = EndpointResolver.Options(useFIPS: true, useDualStack: nil, accountIDMode: .preferred)
        let ofOptions = try Self.resolver(variables, profile, options)
        #expect(ofOptions.variant == EndpointVariant(isFIPS: true) && ofOptions.accountIDMode == .preferred)
    }

    @Test(arguments: [
        (["AWS_USE_FIPS_ENDPOINT": "yes"], "AWS_USE_FIPS_ENDPOINT", "true or false"),
        (["AWS_ACCOUNT_ID_ENDPOINT_MODE": "on"], "AWS_ACCOUNT_ID_ENDPOINT_MODE", "preferred, required or disabled"),
    ])
    func `a variable that says neither is told`(variables: [String: String], name: String, accepted: String) {
        #expect(throws: EndpointError.badSetting(name, accepted: accepted)) { try Self.resolver(variables) }
    }

    @Test func `a variant and another place than AWS's exclude each other`() throws {
        let fips = EndpointResolver.Options(useFIPS: true)
        #expect(throws: EndpointError.variantOfEndpoint("http://localhost:1", isFIPS: true)) {
            try Self.resolver([:], nil, fips).endpoint(.kinesis, region: .local, option: "http://localhost:1")
        }
        let privateLink = "https://vpce-1.kinesis-fips.us-east-1.vpce.amazonaws.com"
        let found = try Self.resolver([:], nil, fips).endpoint(.kinesis, region: .local, option: privateLink)
        #expect(found.shared.url == privateLink + "/")
    }

    @Test func `a required account that nobody names stops the request`() throws {
        let required = EndpointResolver.Options(accountIDMode: .required)
        let endpoint = try Self.resolver([:], nil, required).endpoint(.dynamoDB, region: .local)
        #expect(throws: CredentialsError.accountIDMissing) { try endpoint.endpoint(for: .local) }
    }
}
