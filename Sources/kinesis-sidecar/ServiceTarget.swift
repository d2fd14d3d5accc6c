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

    fileprivate static func profile(_ environment: Environment) throws(StartError) -> Profile? {
        do throws(ConfigFileError) {
            let shared = try SharedConfig.load(environment: environment)
            return shared.profile(SharedConfig.profileName(option: nil, environment: environment))
        } catch {
            throw .settings(Mistake(nil, "\(error)"))
        }
    }
}

extension ServiceTarget {
    /// Where each part of the target came from, for `--check-config`. In AWS only.
    struct Sources {
        struct Found {
            let value: String
            let source: String
        }

        let region: Found
        let endpoint: Found
        /// The source whose credentials are used, or why there are none; they may be refused all the same.
        let credentials: String

        /// Throws as the target itself does.
        init(_ settings: Settings, _ reader: SettingsReader, environment: Environment) throws(StartError) {
            let target = try ServiceTarget(settings, kinesisPort: nil, environment: environment)
            let profile = try ServiceTarget.profile(environment)
            let shared = profile.map { "profile \"\($0.name)\" of the shared files" } ?? "default"
            func source(_ options: [(name: String, isGiven: Bool)], _ variables: [String], otherwise: String) -> String
            {
                if let option = options.first(where: \.isGiven) { return reader.source(of: option.name) }
                return variables.first { environment[$0] != nil }.map { "environment \($0)" } ?? otherwise
            }
            region = Found(
                value: target.region.name,
                source: source(
                    [("region", settings.region != nil)], ["AWS_REGION", "AWS_DEFAULT_REGION"], otherwise: shared))
            let ignored = environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() == "true"
            endpoint = Found(
                value: "\(target.endpoint)",
                source: source(
                    [("kinesis.endpoint", settings.kinesisEndpoint != nil), ("endpoint", settings.endpoint != nil)],
                    ignored ? [] : ["AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"],
                    otherwise: profile?.endpoint(service: "kinesis") == nil ? "the region's" : shared))
            do throws(CredentialsError) {
                credentials = try target.credentials.source()
            } catch {
                credentials = "\(error)"
            }
        }
    }
}
