import Bytes
import Testing
import Time

@testable import AWS

@Suite struct CredentialsDocumentTests {
    private static let now = WallTime(milliseconds: 1_767_323_045_000)

    @Test func `a process's answer is read`() throws {
        let text =
            #"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"s","SessionToken":"t","Expiration":"2026-01-02T03:04:05Z","#
            + #""AccountId":"123456789012"}"#
        let found = try CredentialsDocument.ofProcess(Array(text.utf8))
        #expect(
            found
                == Credentials(
                    accessKeyID: "a", secretAccessKey: Secret("s"), sessionToken: Secret("t"), expiration: Self.now,
                    accountID: AccountID("123456789012")))
        let fixed = try CredentialsDocument.ofProcess(
            Array(#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"s","SessionToken":null}"#.utf8))
        #expect(fixed.sessionToken == nil && fixed.expiration == nil)
    }

    @Test(arguments: [
        ("", "it is no JSON object"), ("[]", "it is no JSON object"), ("hush", "it is no JSON object"),
        (#"{"Version":2}"#, "Version is not 1"), (#"{"AccessKeyId":"a"}"#, "Version is not 1"),
        (#"{"Version":1,"SecretAccessKey":"hush"}"#, "AccessKeyId is missing"),
        (#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":""}"#, "SecretAccessKey is missing"),
        (#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"hush","SessionToken":7}"#, "SessionToken is missing"),
        (#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"hush","Expiration":"soon"}"#, "Expiration is no time"),
        (
            #"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"hush","AccountId":"1"}"#,
            "AccountId is not twelve digits"
        ),
    ])
    func `what is wrong with one is told without it`(text: String, problem: String) {
        #expect(throws: CredentialsDocument.Problem(text: problem)) {
            try CredentialsDocument.ofProcess(Array(text.utf8))
        }
    }

    @Test func `an endpoint's answer needs a token, and Code to be Success`() throws {
        let good = #"{"Code":"Success","AccessKeyId":"a","SecretAccessKey":"s","Token":"t"}"#
        #expect(try CredentialsDocument.ofEndpoint(Array(good.utf8)).sessionToken == Secret("t"))
        for (text, problem) in [
            (#"{"Code":"Failed","Message":"hush"}"#, "Code is not Success"),
            (#"{"AccessKeyId":"a","SecretAccessKey":"s"}"#, "Token is missing"),
        ] {
            #expect(throws: CredentialsDocument.Problem(text: problem)) {
                try CredentialsDocument.ofEndpoint(Array(text.utf8))
            }
        }
    }

    @Test(arguments: [
        ("/opt/bin/get --profile x", ["/opt/bin/get", "--profile", "x"]),
        ("  \"/opt/my programs/get\"\t'a b'  ", ["/opt/my programs/get", "a b"]),
        (#"get a\ b "c\"d" "e\f" 'g\h' ''"#, ["get", "a b", "c\"d", "e\\f", "g\\h", ""]),
        ("get $HOME ; rm *", ["get", "$HOME", ";", "rm", "*"]), ("a\"b\"c", ["abc"]),
    ])
    func `a command is cut into words and no shell reads it`(command: String, words: [String]) {
        #expect(CredentialProcess(command)?.words == words)
    }

    @Test(arguments: ["", "  ", "'a", "a \"b", "a\\", "''"])
    func `what is no command is none`(command: String) {
        #expect(CredentialProcess(command) == nil)
    }

    @Test func `STS's answer is read, with the account of the role`() throws {
        let text = """
            <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser>\
            <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>a</AccessKeyId>\
            <SecretAccessKey>s&amp;</SecretAccessKey><SessionToken>t</SessionToken>\
            <Expiration>2026-01-02T03:04:05Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>
            """
        #expect(
            try STS.credentials(ByteBuffer(text))
                == Credentials(
                    accessKeyID: "a", secretAccessKey: Secret("s&"), sessionToken: Secret("t"), expiration: Self.now,
                    accountID: AccountID("123456789012")))
        for (from, to, problem) in [
            ("Expiration>2026", "Expiration>x", "Expiration is no time"),
            ("SessionToken", "Else", "SessionToken is missing"), ("Credentials", "Else", "Credentials is missing"),
            ("<AssumeRoleResponse", "<<", "it is no XML"),
        ] {
            #expect(throws: CredentialsDocument.Problem(text: problem)) {
                try STS.credentials(
                    ByteBuffer(text.split(separator: from, omittingEmptySubsequences: false).joined(separator: to)))
            }
        }
    }

    @Test func `errors in XML are read, wherever they stand`() {
        func error(_ status: Int, _ body: String) -> ServiceError {
            let headers = TransportHeaders(lines: ByteBuffer())
            return ServiceProtocol.query.error(
                AWSResponse(status: status, headers: headers, body: ByteBuffer(body)), expectedCodes: [])
        }
        let query = error(
            403,
            "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException</Code><Message>m</Message></Error>"
                + "<RequestId>r</RequestId></ErrorResponse>")
        #expect(query.code == "ExpiredTokenException" && query.message == "m" && query.requestID == "r")
        #expect(error(404, "<Error><Code>NoSuchKey</Code><RequestId>x</RequestId></Error>").code == "NoSuchKey")
        #expect(error(502, "<html>Bad gateway").code == "HTTP502")
        #expect(error(502, "<html>Bad gateway").message == "<html>Bad gateway")
        #expect(error(400, "<Error><Code>IDPCommunicationError</Code></Error>").disposition == .retry)
    }

    // MARK: Logins

    private static func token(ends seconds: Int, renews: Bool = true, clientEnds: Int = 7200) throws -> SSOToken {
        func text(_ seconds: Int) -> String { now.advanced(by: .seconds(seconds)).iso8601 }
        let renewal =
            renews
            ? #","clientId":"c","clientSecret":"hush","refreshToken":"r","registrationExpiresAt":"\#(text(clientEnds))""#
            : ""
        let json = #"{"startUrl":"u","accessToken":"old","expiresAt":"\#(text(seconds))"\#(renewal)}"#
        return try SSOToken(Array(json.utf8))
    }

    @Test func `a login is renewed five minutes before it ends, where it can be`() throws {
        #expect(try Self.token(ends: 301).step(now: Self.now) == .use)
        let renewal = try #require(try Self.token(ends: 300).renewal)
        #expect(try Self.token(ends: 300).step(now: Self.now) == .renew(renewal, isGood: true))
        #expect(try Self.token(ends: -1).step(now: Self.now) == .renew(renewal, isGood: false))
        #expect(try Self.token(ends: 300, renews: false).step(now: Self.now) == .use)
        #expect(try Self.token(ends: 0, renews: false).step(now: Self.now) == .logIn)
        let ended = try Self.token(ends: 0, clientEnds: 0)
        #expect(ended.step(now: Self.now) == .logIn)
        #expect(
            try SSOToken(Array(#"{"accessToken":"t","expiresAt":"2026-01-02T03:04:05UTC"}"#.utf8)).expiration
                == Self.now)
    }

    @Test func `a renewed login keeps what others have written`() throws {
        let answer = #"{"accessToken":"new","expiresIn":3600,"refreshToken":"r2","tokenType":"Bearer"}"#
        let renewed = try Self.token(ends: 0).renewed(by: Array(answer.utf8), now: Self.now)
        #expect(renewed.token == Secret("new") && renewed.expiration == Self.now.advanced(by: .seconds(3600)))
        #expect(renewed.renewal?.refreshToken == Secret("r2") && renewed.renewal?.clientID == "c")
        #expect(renewed.file.text.contains(#""startUrl":"u""#))
        #expect(renewed.file.text.contains(#""expiresAt":"2026-01-02T04:04:05Z""#))
        #expect(throws: CredentialsDocument.Problem.self) {
            try Self.token(ends: 0).renewed(by: Array(#"{"accessToken":"new"}"#.utf8), now: Self.now)
        }
    }
}
