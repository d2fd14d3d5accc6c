import Client
import JSON
import Testing

@testable import kinesis_sidecar

@Suite struct ListenerSettingsTests {
    private func find(
        _ variables: [String: String], file: String? = nil, ports: JSONValue? = nil
    ) throws -> ConfiguredListeners {
        let environment = EnvironmentSettings(variables.map { ("KINESIS_SIDECAR_" + $0.key, $0.value) })
        let settings = try ListenerSettings.settings(
            environment, file.map { ConfigFileSettings(Array($0.utf8), path: "sidecar.yaml") })
        return try ListenerSettings.listeners(settings) { _ in ports }
    }

    private func first(_ variables: [String: String], file: String? = nil) throws -> String? {
        try find(variables, file: file).listen.first?.description
    }

    @Test func `without anything it is the default`() throws {
        #expect(try first([:]) == "http://127.0.0.1:8700")
    }

    @Test func `an address for all is reached by loopback`() throws {
        #expect(try first(["LISTEN": "0.0.0.0:9000"]) == "http://127.0.0.1:9000")
        #expect(try first(["LISTEN": "[::]:9000"]) == "http://[::1]:9000")
        #expect(try first(["LISTEN": "unix:/run/s,127.0.0.1:1"]) == "unix:/run/s")
    }

    @Test func `the environment goes before the file`() throws {
        #expect(try first([:], file: "listen: ['127.0.0.1:1']") == "http://127.0.0.1:1")
        #expect(try first(["LISTEN": "127.0.0.1:2"], file: "listen: ['127.0.0.1:1']") == "http://127.0.0.1:2")
    }

    @Test func `with a certificate TCP is TLS, but for probes`() throws {
        let found = try find([
            "LISTEN": "0.0.0.0:1", "TLS__CERTIFICATE_FILE": "c.pem", "ADMIN_LISTEN": "0.0.0.0:2",
        ])
        #expect(found.listen.map(\.description) == ["https://127.0.0.1:1"])
        #expect(found.admin?.description == "http://127.0.0.1:2" && found.certificateFile == "c.pem")
    }

    @Test func `where clients must show certificates a Unix socket goes first`() throws {
        var variables = ["LISTEN": "127.0.0.1:1,unix:/run/s", "TLS__CERTIFICATE_FILE": "c"]
        #expect(try first(variables) == "https://127.0.0.1:1")
        variables["TLS__CLIENT_C_A_FILE"] = "a"
        #expect(try first(variables) == "unix:/run/s")
    }

    @Test func `a port that the kernel chose stands in the file of the ports`() throws {
        let variables = ["LISTEN": "127.0.0.1:0", "PORT_FILE": "p", "ADMIN_LISTEN": "127.0.0.1:0"]
        let found = try find(variables, ports: ["http": 5, "admin": 6])
        #expect(found.listen.map(\.description) == ["http://127.0.0.1:5"])
        #expect(found.admin?.description == "http://127.0.0.1:6")
        #expect(throws: ClientError.self) { try find(variables) }
    }

    @Test func `a mistake elsewhere is none of a command's`() throws {
        #expect(try first(["LIMIT": "none", "LOCAL_PORT": "5"]) == "http://127.0.0.1:8700")
        let error = #expect(throws: ClientError.self) { try find(["LISTEN": "87000"]) }
        #expect(error?.description.hasPrefix("environment KINESIS_SIDECAR_LISTEN: \"87000\" is not accepted") == true)
    }
}
