import AWS

/// Where Kinesis is asked, and as whom: the embedded one, or AWS as options, environment and profile say.
struct ServiceTarget {
    let region: Region
    let endpoint: Endpoint
    let credentials: CredentialsChain

    /// Throws `.settings` when nobody names a region, or a variable or a profile names what cannot be used. Whether the
    /// credentials are any good shows at the first request.
    init(_ settings: Settings, kinesisPort: Int?, environment: Environment) throws(StartError) {
        if let kinesisPort {
            region = .local
            endpoint = Endpoint(scheme: .http, host: "127.0.0.1", port: UInt16(kinesisPort))
            credentials = .fixed(.local)
            return
        }
        let profile = try Self.profile(environment)
        do throws(EndpointError) {
            region = try EndpointResolver.region(option: settings.region, environment: environment, profile: profile)
            endpoint = try EndpointResolver.endpoint(
                service: "kinesis", region: region, option: settings.kinesisEndpoint ?? settings.endpoint,
                environment: environment, profile: profile)
        } catch {
            throw .settings(Mistake(nil, "\(error)"))
        }
        credentials = settings.credentials.map(CredentialsChain.fixed) ?? .standard(environment: environment)
    }

    private static func profile(_ environment: Environment) throws(StartError) -> Profile? {
        do throws(ConfigFileError) {
            let shared = try SharedConfig.load(environment: environment)
            return shared.profile(SharedConfig.profileName(option: nil, environment: environment))
        } catch {
            throw .settings(Mistake(nil, "\(error)"))
        }
    }
}
