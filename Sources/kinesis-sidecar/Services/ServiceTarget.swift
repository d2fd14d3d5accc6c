import AWS
import Gateway
import Logging

/// Where a service is asked, and as whom.
struct ServiceTarget {
    let service: AWSService
    let region: Region
    let endpoint: ServiceEndpoint
    let credentials: CredentialsChain

    /// For stats.
    var credentialsStatus: ServiceCredentials {
        ServiceCredentials(service: service, status: credentials.status)
    }

    func client(_ serviceProtocol: ServiceProtocol, over transport: Transport) -> AWSClient {
        AWSClient(
            service: service.signingName, serviceProtocol: serviceProtocol, region: region, endpoint: endpoint,
            credentials: credentials, transport: transport, userAgent: "kinesis-sidecar/\(Help.version)",
            logger: Logger(label: "aws"))
    }
}
