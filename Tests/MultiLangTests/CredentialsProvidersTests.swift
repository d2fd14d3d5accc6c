@testable import MultiLang
import Testing

@Suite struct CredentialsProvidersTests {
    @Test(arguments: [
        "DefaultCredentialsProvider", "DefaultAWSCredentialsProviderChain",
        "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
        "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider", "InstanceProfileCredentialsProvider",
        "EnvironmentVariableCredentialsProvider, ContainerCredentialsProvider,", "ProfileCredentialsProvider",
        "SystemPropertyCredentialsProvider,WebIdentityTokenFileCredentialsProvider",
    ])
    func `what the chain has is left to it`(text: String) {
        guard case .chain(let why) = CredentialsProviders.read(text) else {
            Issue.record("\(CredentialsProviders.read(text))")
            return
        }
        #expect(why.contains("docs/credentials.md"))
    }

    @Test func `a profile and fixed keys become options`() {
        #expect(
            CredentialsProviders.read("ProfileCredentialsProvider|orders")
                == .options([.init(name: "profile", value: "orders")], note: nil))
        #expect(
            CredentialsProviders.read("KclStaticCredentialsProvider|ID|SECRET|TOKEN")
                == .options(
                    [
                        .init(name: "accessKeyId", value: "ID"), .init(name: "secretAccessKey", value: "SECRET"),
                        .init(name: "sessionToken", value: "TOKEN"),
                    ], note: nil))
        guard
            case .options(_, .some) = CredentialsProviders.read(
                "ProfileCredentialsProvider|a,DefaultCredentialsProvider")
        else {
            Issue.record("the rest of the list is passed over without a word")
            return
        }
    }

    @Test(arguments: [
        ("com.example.OwnProvider", "com.example.OwnProvider cannot run here; write DefaultCredentialsProvider"),
        ("com.example.DefaultCredentialsProvider", "cannot run here"),
        ("StsAssumeRoleCredentialsProvider|arn:aws:iam::1:role/r|s|externalId=x", "ProfileCredentialsProvider|kcl"),
        ("STSAssumeRoleSessionCredentialsProvider|arn|s", "role_arn"),
        ("ProfileCredentialsProvider|a|b", "AWS_SHARED_CREDENTIALS_FILE"),
        ("DefaultCredentialsProvider|x", "takes nothing"),
        ("KclStaticCredentialsProvider|ID", "ID|SECRET"),
        ("DefaultCredentialsProvider,ProfileCredentialsProvider|a", "AWS_PROFILE"),
        ("SystemPropertyCredentialsProvider", "credentials.accessKeyId"),
        (",", "DefaultCredentialsProvider"),
    ])
    func `what cannot be had is refused, with what to write instead`(text: String, expected: String) {
        guard case .refused(let instead) = CredentialsProviders.read(text) else {
            Issue.record("\(CredentialsProviders.read(text))")
            return
        }
        #expect(instead.contains(expected), "\(instead)")
    }

    @Test func `no secret is shown`() {
        #expect(
            CredentialsProviders.masked("KclStaticCredentialsProvider|ID|SECRET,ProfileCredentialsProvider|a,X")
                == "KclStaticCredentialsProvider|•••,ProfileCredentialsProvider|a,X")
        #expect(CredentialsProviders.masked("com.example.Own|hush") == "com.example.Own|•••")
        for key in ["AwsCredentialsProvider", "awscredentialsproviderCloudWatch", "AWSCredentialsProviderDynamoDB"] {
            let text = "executableName=a\nstreamName=s\napplicationName=g\n\(key)=KclStaticCredentialsProvider|ID|hush"
            guard let file = try? PropertiesFile(Array(text.utf8)) else { return }
            let application = ApplicationProperties(file)
            #expect(application.faults.isEmpty)
            #expect(!application.readings.map(\.description).joined().contains("hush"), "\(key)")
        }
    }
}
