import AWS
import HTTPServer
import Logging
import Reactor

/// Where AWS's services are asked, and as whom: as options, environment, profile and the instance's metadata say, or the
/// embedded Kinesis.
///
/// Confined to its loop.
struct ServiceTargets {
    let kinesis: ServiceTarget
    private let settings: Settings
    private let environment: Environment
    private let resolver: EndpointResolver
    private let fetcher: CredentialsFetcher

    /// Throws `.settings` when nobody names a region, or an option, a variable or a profile names what cannot be used. Whether
    /// the credentials are any good shows at the first request.
    /// - Parameter local: where the embedded Kinesis listens, nil for AWS. Then nothing of AWS is looked at.
    init(
        _ settings: Settings, local: ListenAddress?, environment: Environment, over transport: Transport
    ) async throws(StartError) {
        let profile = settings.isLocal ? nil : try Self.profile(settings, environment)
        let region = try await Self.region(settings, profile, environment, transport)
        let resolver = try Self.resolver(settings, profile, settings.isLocal ? Environment([:]) : environment)
        let sts = settings.sts
        fetcher = CredentialsFetcher(
            transport: transport, stsRegion: sts.region.flatMap(Region.init) ?? region, logger: Logger(label: "aws")
        ) { (service, region) throws(EndpointError) in
            let option = service == .sts ? sts.endpoint ?? settings.endpoint : nil
            return try resolver.endpoint(service, region: region, option: option)
        }
        self.settings = settings
        self.environment = environment
        self.resolver = resolver
        if let (host, port) = local?.own {
            kinesis = ServiceTarget(
                service: .kinesis, region: region,
                endpoint: ServiceEndpoint(Endpoint(scheme: .http, host: host, port: UInt16(port))),
                credentials: .fixed(.local))
        } else {
            kinesis = ServiceTarget(
                service: .kinesis, region: region,
                endpoint: try Self.endpoint(.kinesis, region, settings.kinesisEndpoint, settings, resolver),
                credentials: Self.chain(settings.credentials, settings, environment, fetcher)
                    ?? Self.standard(nil, settings, environment, fetcher))
            try Self.check(settings, region)
        }
    }

    private static func check(_ settings: Settings, _ region: Region) throws(StartError) {
        for stream in settings.listed.map(\.stream) {
            guard let arn = stream.arn, arn.region != region.name else { continue }
            throw .settings(
                Mistake(nil, "\(arn) is in another region than \(region.name), whose Kinesis is asked"))
        }
    }

    /// What gives credentials and may hang.
    var credentialProcesses: CommandRunner { fetcher.processes }

    /// Another service, in Kinesis's region and with its credentials unless it has its own. Throws as the first one does.
    func target(_ service: AWSService, _ own: ServiceSettings) throws(StartError) -> ServiceTarget {
        let region = own.region.flatMap(Region.init) ?? kinesis.region
        return ServiceTarget(
            service: service, region: region,
            endpoint: try Self.endpoint(service, region, own.endpoint, settings, resolver),
            credentials: Self.chain(own.credentials, settings, environment, fetcher) ?? kinesis.credentials)
    }

    /// Which of the regions' endpoints are asked, where the target is asked at its region's own; nil elsewhere.
    func variant(of target: ServiceTarget) -> EndpointVariant? {
        let regional = try? EndpointResolver.regional(target.service, region: target.region, resolver.variant)
        return target.endpoint.shared == regional ? resolver.variant : nil
    }

    /// Where it comes from that a service is asked at another place than the region's, beside options.
    func origin(of service: AWSService) -> String? { resolver.origin(of: service) }

    // MARK: Parts

    private static func endpoint(
        _ service: AWSService, _ region: Region, _ own: String?, _ settings: Settings, _ resolver: EndpointResolver
    ) throws(StartError) -> ServiceEndpoint {
        do throws(EndpointError) {
            return try resolver.endpoint(service, region: region, option: own ?? settings.endpoint)
        } catch {
            throw .settings(Mistake(nil, "\(error)"))
        }
    }

    private static func resolver(
        _ settings: Settings, _ profile: Profile?, _ environment: Environment
    ) throws(StartError) -> EndpointResolver {
        do throws(EndpointError) {
            return try EndpointResolver(settings.endpoints, environment: environment, profile: profile)
        } catch {
            throw .settings(Mistake(nil, "\(error)"))
        }
    }

    /// Nil where the configuration says nothing.
    private static func chain(
        _ own: CredentialsSettings, _ settings: Settings, _ environment: Environment, _ fetcher: CredentialsFetcher
    ) -> CredentialsChain? {
        if let keys = own.keys { return .fixed(keys) }
        return own.profile.map { standard($0, settings, environment, fetcher) }
    }

    private static func standard(
        _ profile: String?, _ settings: Settings, _ environment: Environment, _ fetcher: CredentialsFetcher
    ) -> CredentialsChain {
        let options = CredentialsPlan.Options(profile: profile, roleSigner: settings.sts.credentials.roleSigner)
        return CredentialsChain(StandardCredentials(options, environment: environment, fetcher: fetcher))
    }

    /// Asks the instance's metadata where nothing else names a region, for about a second.
    private static func region(
        _ settings: Settings, _ profile: Profile?, _ environment: Environment, _ transport: Transport
    ) async throws(StartError) -> Region {
        if settings.isLocal { return .local }
        do throws(EndpointError) {
            return try EndpointResolver.region(option: settings.region, environment: environment, profile: profile)
        } catch {
            if error == .regionMissing, let metadata = try? InstanceMetadata(environment, profile),
                let region = try? await InstanceSession.region(metadata, transport)
            {
                return region
            }
            throw .settings(Mistake(nil, "\(error)"))
        }
    }

    static func profile(_ settings: Settings, _ environment: Environment) throws(StartError) -> Profile? {
        do throws(ConfigFileError) {
            let shared = try SharedConfig.load(environment: environment)
            let option = settings.credentials.profile
            return shared.profile(SharedConfig.profileName(option: option, environment: environment))
        } catch {
            throw .settings(Mistake(nil, "\(error)"))
        }
    }
}
