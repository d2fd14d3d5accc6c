import AWS
import Reactor

/// Where each part of the targets came from, for `--check-config`. In AWS only.
struct TargetSources {
    struct Found: Sendable {
        let value: String
        let source: String
    }

    let region: Found
    let kinesisEndpoint: Found
    /// Nil where groups are not shared.
    let dynamoDBEndpoint: Found?
    /// Nil where nobody uses large items.
    let s3Endpoint: Found?
    /// The source whose credentials are used, or why there are none; they may be refused all the same.
    let credentials: String

    /// Throws as the targets themselves do.
    init(
        _ settings: Settings, _ reader: SettingsReader, environment: Environment, over transport: Transport
    ) async throws(StartError) {
        let targets = try await ServiceTargets(settings, local: nil, environment: environment, over: transport)
        func endpoint(_ target: ServiceTarget, _ option: String, isGiven: Bool) -> Found {
            let given = isGiven ? option : settings.endpoint == nil ? nil : "endpoint"
            return Found(
                value: "\(target.endpoint.shared)",
                source: given.map(reader.source) ?? targets.origin(of: target.service) ?? "the region's")
        }
        let profile = try ServiceTargets.profile(settings, environment)
        region = Found(
            value: targets.kinesis.region.name, source: Self.source(ofRegion: settings, reader, environment, profile))
        kinesisEndpoint = endpoint(
            targets.kinesis, "kinesis.endpoint", isGiven: settings.kinesisEndpoint != nil)
        func endpoint(_ service: AWSService, _ own: ServiceSettings) throws(StartError) -> Found {
            endpoint(
                try targets.target(service, own), "\(service.optionName).endpoint", isGiven: own.endpoint != nil)
        }
        dynamoDBEndpoint = settings.sharesGroups ? try endpoint(.dynamoDB, settings.dynamoDB.service) : nil
        s3Endpoint = settings.usesLargeItems ? try endpoint(.s3, settings.s3.service) : nil
        do throws(CredentialsError) {
            credentials = try targets.kinesis.credentials.expectedPlace()
        } catch {
            credentials = "\(error)"
        }
    }

    private static func source(
        ofRegion settings: Settings, _ reader: SettingsReader, _ environment: Environment, _ profile: Profile?
    ) -> String {
        if settings.region != nil { return reader.source(of: "region") }
        if let variable = ["AWS_REGION", "AWS_DEFAULT_REGION"].first(where: { environment[$0] != nil }) {
            return "environment \(variable)"
        }
        guard let profile, profile["region"] != nil else { return "the instance's metadata" }
        return "profile \"\(profile.name)\" of the shared files"
    }

    /// The same from outside of a loop, which it runs for as long as it takes.
    static func find(
        _ settings: Settings, _ reader: SettingsReader, environment: Environment
    ) throws(StartError) -> TargetSources {
        let loop: EventLoop
        do throws(SystemError) {
            loop = try EventLoop(name: "check-config")
        } catch {
            throw .failed("the event loop cannot be made: \(error)")
        }
        let found = Answer()
        loop.spawn {
            let transport = Transport(loop: loop)
            do throws(StartError) {
                found.result = .success(
                    try await TargetSources(settings, reader, environment: environment, over: transport))
            } catch {
                found.result = .failure(error)
            }
            transport.close()
            loop.stop()
        }
        loop.run()
        return try found.result.get()
    }

    /// Written on the loop, read behind its end.
    private final class Answer: @unchecked Sendable {
        var result: Result<TargetSources, StartError> = .failure(.failed("the loop has ended"))
    }
}
