import Bytes
import Glibc
import Logging
import Reactor
import Time

/// Carries out recipes: reads files, asks endpoints and STS, runs processes. Everything it waits for has a limit of time.
///
/// Confined to its loop.
package final class CredentialsFetcher: @unchecked Sendable {
    /// Where a service is asked that gives credentials; endpoints of the configuration included.
    package typealias Resolve = (AWSService, Region) throws(EndpointError) -> ServiceEndpoint

    /// What `credential_process` runs.
    package let processes: CommandRunner
    private let transport: Transport
    private let stsRegion: Region
    private let resolve: Resolve
    private let logger: Logger

    /// Of an endpoint beside the container, which may have to ask STS itself.
    private static let containerTimeout = Duration.seconds(5)
    /// Of each request to IAM Identity Center.
    private static let loginTimeout = Duration.seconds(5)
    /// An answer with credentials is 1 to 4 KB.
    private static let answerLimit = 64 << 10
    /// A token is a few KB.
    private static let tokenLimit = 64 << 10
    /// STS and IAM Identity Center are asked three times within about a second: whoever waits is a request.
    private static let retry = RetryPolicy(
        retries: 2, minTimeout: .milliseconds(200), maxTimeout: .seconds(1), forever: false)

    /// - Parameter stsRegion: where STS is asked.
    package init(transport: Transport, stsRegion: Region, logger: Logger, resolve: @escaping Resolve) {
        self.transport = transport
        processes = CommandRunner(on: transport.loop)
        self.stsRegion = stsRegion
        self.logger = logger
        self.resolve = resolve
    }

    package func fetch(_ recipe: CredentialsRecipe) async throws(CredentialsError) -> Credentials {
        let found: Credentials
        switch recipe {
        case .keys(let keys): return keys
        case .process(let process): found = try await run(process)
        case .role(let role, let signer):
            let signedBy = try await fetch(signer)
            found = try await askSTS(STS.assume(role), .fixed(signedBy), "role \(role.arn)")
        case .webIdentity(let role, let file):
            let token = try token(file, "web identity")
            found = try await askSTS(STS.assume(role, webIdentity: token), nil, "role \(role.arn)")
        case .sso(let login): found = try await log(in: login)
        case .container(let endpoint): found = try await ask(endpoint)
        case .instance(let metadata): found = try await ask(metadata)
        }
        if let end = found.expiration, end <= .now() {
            throw .failed(source: "\(recipe)", .answer(problem: "they have ended already"))
        }
        return found
    }

    // MARK: Processes and files

    private func run(_ process: CredentialProcess) async throws(CredentialsError) -> Credentials {
        let source = "credential_process \(process.words[0])"
        let printed: [UInt8]
        do throws(ChildProcessError) {
            printed = try await processes.output(
                of: process.words, limit: CredentialProcess.outputLimit, timeout: CredentialProcess.timeout)
        } catch {
            throw .failed(source: source, .process(error))
        }
        return try document(source) { () throws(CredentialsDocument.Problem) in
            try CredentialsDocument.ofProcess(printed)
        }
    }

    /// A token as its file has it now, without the line's end that editors leave.
    private func token(_ path: String, _ source: String) throws(CredentialsError) -> Secret {
        let text: String
        do throws(SmallFile.Failure) {
            text = try SmallFile.read(path, limit: Self.tokenLimit).text
        } catch {
            throw .failed(source: source, .file(path, code: error.code))
        }
        let token = text.split(whereSeparator: \.isWhitespace)
        guard token.count == 1 else {
            throw .failed(source: source, .answer(problem: "\(path) does not hold a token alone"))
        }
        return Secret(String(token[0]))
    }

    // MARK: Services

    private func client(
        _ service: AWSService, _ region: Region, _ credentials: CredentialsChain?, _ source: String
    ) throws(CredentialsError) -> AWSClient {
        let endpoint: ServiceEndpoint
        do throws(EndpointError) {
            endpoint = try resolve(service, region)
        } catch {
            throw .failed(source: source, .answer(problem: error.description))
        }
        return AWSClient(
            service: service.signingName, serviceProtocol: service.credentialsProtocol, region: region,
            endpoint: endpoint, credentials: credentials, transport: transport, logger: logger)
    }

    private func askSTS(
        _ request: AWSRequest, _ signer: CredentialsChain?, _ source: String
    ) async throws(CredentialsError) -> Credentials {
        let client = try client(.sts, stsRegion, signer, source)
        let body = try await response(client, request, source).body
        return try document(source) { () throws(CredentialsDocument.Problem) in try STS.credentials(body) }
    }

    private func response(
        _ client: AWSClient, _ request: AWSRequest, _ source: String
    ) async throws(CredentialsError) -> AWSResponse {
        do throws(AWSError) {
            return try await client.send(request, retry: Retrying(Self.retry))
        } catch {
            throw .failed(source: source, .service(error))
        }
    }

    // MARK: IAM Identity Center

    private func log(in login: SSOLogin) async throws(CredentialsError) -> Credentials {
        let source = "IAM Identity Center (role \(login.role))"
        let token = try await token(of: login, source)
        let client = try client(.sso, login.region, nil, source)
        var request = AWSRequest(.get, path: "/federation/credentials", timeout: Self.loginTimeout)
        request.query = [("account_id", login.account.text), ("role_name", login.role)]
        request.headers = [("x-amz-sso_bearer_token", token.exposed)]
        request.isSigned = false
        do throws(CredentialsError) {
            let body = try await response(client, request, source).body.array
            var found = try document(source) { () throws(CredentialsDocument.Problem) in
                try CredentialsDocument.ofLogin(body)
            }
            found.accountID = login.account
            return found
        } catch {
            if case .failed(_, .service(.service(let refusal))) = error, refusal.status == 401 {
                throw .failed(source: source, .needsLogin(command: login.command))
            }
            throw error
        }
    }

    private func token(of login: SSOLogin, _ source: String) async throws(CredentialsError) -> Secret {
        let kept: [UInt8]
        do throws(SmallFile.Failure) {
            kept = try SmallFile.read(login.file, limit: SSOToken.sizeLimit).array
        } catch {
            guard case .code(ENOENT) = error else {
                throw .failed(source: source, .file(login.file, code: error.code))
            }
            throw .failed(source: source, .needsLogin(command: login.command))
        }
        let token = try document("\(login.file)") { () throws(CredentialsDocument.Problem) in try SSOToken(kept) }
        switch token.step(now: .now()) {
        case .use: return token.token
        case .logIn: throw .failed(source: source, .needsLogin(command: login.command))
        case .renew(let renewal, let isGood):
            do throws(CredentialsError) {
                return try await renew(token, renewal, login, source).token
            } catch {
                if isGood { return token.token }
                if case .failed(_, .service(.service)) = error {
                    throw .failed(source: source, .needsLogin(command: login.command))
                }
                throw error
            }
        }
    }

    /// Asks for the login's successor and leaves it where other programs find it.
    private func renew(
        _ token: SSOToken, _ renewal: SSOToken.Renewal, _ login: SSOLogin, _ source: String
    ) async throws(CredentialsError) -> SSOToken {
        let client = try client(.ssoOIDC, login.region, nil, source)
        var request = AWSRequest(
            .post, path: "/token", body: SSOToken.request(renewal), timeout: Self.loginTimeout)
        request.contentType = "application/json"
        request.isSigned = false
        // A refresh token may be good once.
        request.isRepeatable = false
        let answer = try await response(client, request, source).body.array
        let renewed = try document(source) { () throws(CredentialsDocument.Problem) in
            try token.renewed(by: answer, now: .now())
        }
        do throws(SmallFile.Failure) {
            try SmallFile.replace(login.file, with: renewed.file)
        } catch {
            // The new token is good all the same, but the next start finds the old one.
            logger.warning(
                "a renewed login cannot be kept",
                metadata: ["error": "\(CredentialsError.SourceFailure.file(login.file, code: error.code))"])
        }
        return renewed
    }

    // MARK: Endpoints

    private func ask(_ container: ContainerEndpoint) async throws(CredentialsError) -> Credentials {
        var headers: [(name: String, value: String)] = [("accept", "application/json")]
        switch container.authorization {
        case .none: break
        case .token(let token): headers.append(("authorization", token.exposed))
        case .file(let path): headers.append(("authorization", try token(path, "\(container)").exposed))
        }
        var request = TransportRequest(
            method: .get, endpoint: container.endpoint, headers: headers, timeout: Self.containerTimeout,
            responseLimit: Self.answerLimit)
        request.query = container.query
        let answer = try await transport.answer(request, "\(container)")
        return try document("\(container)") { () throws(CredentialsDocument.Problem) in
            try CredentialsDocument.ofEndpoint(answer)
        }
    }

    private func ask(_ metadata: InstanceMetadata) async throws(CredentialsError) -> Credentials {
        let session = try await InstanceSession(metadata, transport)
        let named = try await session.get(InstanceMetadata.rolePath)
        guard let role = InstanceMetadata.role(String(decoding: named, as: UTF8.self)) else {
            throw .failed(source: "\(metadata)", .answer(problem: "it names no role"))
        }
        let answer = try await session.get(InstanceMetadata.rolePath + role)
        return try document("\(metadata)") { () throws(CredentialsDocument.Problem) in
            try CredentialsDocument.ofEndpoint(answer)
        }
    }

    private func document<Document>(
        _ source: String, _ read: () throws(CredentialsDocument.Problem) -> Document
    ) throws(CredentialsError) -> Document {
        do throws(CredentialsDocument.Problem) {
            return try read()
        } catch {
            throw .failed(source: source, .answer(problem: error.text))
        }
    }
}
