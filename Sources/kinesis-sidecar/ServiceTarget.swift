import AWS
import HTTPServer
import Logging

/// Where a service is asked, and as whom: the embedded Kinesis, or AWS as options, environment and profile say.
struct ServiceTarget {
    let region: Region
    let endpoint: Endpoint
    let credentials: CredentialsChain

    /// Kinesis. Throws `.settings` when nobody names a region, or a variable or a profile names what cannot be used. Whether
    /// the credentials are any good shows at the first request.
    /// - Parameter kinesis: where the embedded one listens, nil for AWS.
    init(_ settings: Settings, kinesis: ListenAddress?, environment: Environment) throws(StartError) {
        if let (host, port) = kinesis?.own {
            region = .local
            endpoint = Endpoint(scheme: .http, host: host, port: UInt16(port))
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
        for stream in settings.consumers.map(\.stream) {
            guard let arn = stream.arn, arn.region != region.name else { continue }
            throw .settings(
                Mistake(nil, "consumers: \(arn) is in another region than \(region.name), whose Kinesis is asked"))
        }
        credentials = settings.keys.credentials.map(CredentialsChain.fixed) ?? .standard(environment: environment)
    }

    /// DynamoDB, in Kinesis's region and with its credentials unless it has its own. Throws as Kinesis's does.
    init(dynamoDB settings: Settings, beside kinesis: ServiceTarget, environment: Environment) throws(StartError) {
        let own = settings.dynamoDB
        let profile = settings.isLocal ? nil : try Self.profile(environment)
        region = own.region.flatMap(Region.init) ?? kinesis.region
        do throws(EndpointError) {
            endpoint = try EndpointResolver.endpoint(
                service: "dynamodb", region: region, option: own.endpoint ?? settings.endpoint,
                environment: environment, profile: profile)
        } catch {
            throw .settings(Mistake(nil, "\(error)"))
        }
        credentials = own.keys.credentials.map(CredentialsChain.fixed) ?? kinesis.credentials
    }

    /// - Parameter service: as signatures name it.
    func client(_ service: String, _ serviceProtocol: ServiceProtocol, over transport: Transport) -> AWSClient {
        AWSClient(
            service: service, serviceProtocol: serviceProtocol, region: region, endpoint: endpoint,
            credentials: credentials, transport: transport, userAgent: "kinesis-sidecar/\(Help.version)",
            logger: Logger(label: "aws"))
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
    /// Where each part of the targets came from, for `--check-config`. In AWS only.
    struct Sources {
        struct Found {
            let value: String
            let source: String
        }

        let region: Found
        let kinesisEndpoint: Found
        /// Nil where groups are not shared.
        let dynamoDBEndpoint: Found?
        /// The source whose credentials are used, or why there are none; they may be refused all the same.
        let credentials: String

        /// Throws as the targets themselves do.
        init(_ settings: Settings, _ reader: SettingsReader, environment: Environment) throws(StartError) {
            let kinesis = try ServiceTarget(settings, kinesis: nil, environment: environment)
            let profile = try ServiceTarget.profile(environment)
            let shared = profile.map { "profile \"\($0.name)\" of the shared files" } ?? "default"
            func source(_ options: [(name: String, isGiven: Bool)], _ variables: [String], otherwise: String) -> String
            {
                if let option = options.first(where: \.isGiven) { return reader.source(of: option.name) }
                return variables.first { environment[$0] != nil }.map { "environment \($0)" } ?? otherwise
            }
            let ignored = environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() == "true"
            func endpoint(_ target: ServiceTarget, _ service: String, _ option: String, isGiven: Bool) -> Found {
                Found(
                    value: "\(target.endpoint)",
                    source: source(
                        [(option, isGiven), ("endpoint", settings.endpoint != nil)],
                        ignored ? [] : ["AWS_ENDPOINT_URL_\(service.uppercased())", "AWS_ENDPOINT_URL"],
                        otherwise: profile?.endpoint(service: service) == nil ? "the region's" : shared))
            }
            region = Found(
                value: kinesis.region.name,
                source: source(
                    [("region", settings.region != nil)], ["AWS_REGION", "AWS_DEFAULT_REGION"], otherwise: shared))
            kinesisEndpoint = endpoint(
                kinesis, "kinesis", "kinesis.endpoint", isGiven: settings.kinesisEndpoint != nil)
            if settings.sharesGroups {
                let dynamoDB = try ServiceTarget(dynamoDB: settings, beside: kinesis, environment: environment)
                dynamoDBEndpoint = endpoint(
                    dynamoDB, "dynamodb", "dynamoDb.endpoint", isGiven: settings.dynamoDB.endpoint != nil)
            } else {
                dynamoDBEndpoint = nil
            }
            do throws(CredentialsError) {
                credentials = try kinesis.credentials.source()
            } catch {
                credentials = "\(error)"
            }
        }
    }
}
