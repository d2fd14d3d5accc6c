import AWS
import Bytes
import Consumer
import DynamoDB
import Gateway
import Glibc
import HTTPServer
import Kinesis
import Logging
import S3
import Time

extension ProgramOption {
    /// Every option of the program itself, in the order in which help and `--check-config` show them.
    static let all: [ProgramOption] = place + ways + service + dynamoDB + s3 + http + flow + process + otlp

    static func named(_ name: String) -> ProgramOption? { all.first { $0.name == name } }

    private static let milliseconds = OptionKind.milliseconds(0...OptionKind.longestMilliseconds)
    /// 1 KiB to 1 GiB.
    private static let bytes = OptionKind.bytes(1024...1 << 30)
    private static let path = OptionKind.text(longest: 4096)

    private static func time(
        _ name: String, _ key: WritableKeyPath<Settings, Duration> & Sendable,
        _ kind: OptionKind = .milliseconds(1...OptionKind.longestMilliseconds), help: String
    ) -> ProgramOption {
        ProgramOption(name, kind, help: help) {
            $0[keyPath: key] = $1.duration ?? $0[keyPath: key]
        } show: {
            String($0[keyPath: key].wholeMilliseconds)
        }
    }

    private static func number(
        _ name: String, _ key: WritableKeyPath<Settings, Int> & Sendable, _ kind: OptionKind = bytes, help: String
    ) -> ProgramOption {
        ProgramOption(name, kind, help: help) {
            $0[keyPath: key] = $1.integer ?? $0[keyPath: key]
        } show: {
            String($0[keyPath: key])
        }
    }

    private static let place: [ProgramOption] = [
        ProgramOption(
            "local", flag: "local", .boolean, help: "embed a Kinesis; AWS and its credentials are not used"
        ) {
            $0.isLocal = $1.boolean ?? $0.isLocal
        } show: {
            String($0.isLocal)
        },
        ProgramOption(
            "localPort", flag: "local-port", .integer(0...65535), argument: "PORT",
            help: "the embedded Kinesis's port on 127.0.0.1 (4567; 0 picks one)"
        ) {
            $0.localPort = $1.integer ?? $0.localPort
        } show: {
            String($0.localPort)
        },
        ProgramOption(
            "localLimits", flag: "local-limits", .choice(["on", "off"]), argument: "on|off",
            help: "whether the embedded Kinesis throttles as the service does (on)"
        ) {
            $0.localLimits = $1.text == "on"
        } show: {
            $0.localLimits ? "on" : "off"
        },
        ProgramOption(
            "localListen", flag: "local-listen", accepted: "ADDRESS:PORT, such as 0.0.0.0:4567 or [::]:4567",
            argument: "ADDRESS:PORT", help: "where the embedded Kinesis listens instead, for others than this machine"
        ) { settings, text in
            guard let address = ListenAddress(text), address.port != nil else { return false }
            settings.localListen = address
            return true
        } show: {
            $0.localListen?.description ?? ""
        },
        file(
            "localTls", \.localTLS, flag: "local-tls",
            help: "lets the embedded Kinesis speak TLS too; gets the certificate to trust"),
        ProgramOption(
            list: "localStreams", flag: "local-stream", accepted: LocalStreamName.accepted, argument: "NAME[:SHARDS]",
            help: "a stream that the embedded Kinesis has from the start; may be repeated",
            read: { LocalStreamName($0).map { [$0] } }
        ) {
            $0.localStreams = $1
        } show: {
            $0.localStreams.map(\.description).joined(separator: ",")
        },
        number(
            "localMemoryLimit", \.localMemoryLimit, .bytes(32 << 20...1 << 40),
            help: "what the embedded Kinesis's records may take in memory, without dataDir"),
        ProgramOption(
            list: "listen", flag: "listen",
            accepted:
                "ADDRESS:PORT, such as 127.0.0.1:8700 or [::1]:8700, PORT for both of these, or unix:PATH of at most "
                + "\(ListenAddress.longestPath) bytes",
            argument: "[HOST:]PORT",
            help: "or unix:PATH; may be repeated (8700: 127.0.0.1 and [::1]; port 0 picks one)",
            read: ListenAddress.all
        ) {
            $0.listen = $1
        } show: {
            $0.listen.map(\.description).joined(separator: ",")
        },
        ProgramOption(
            "adminListen", flag: "admin-listen",
            accepted:
                "ADDRESS:PORT, such as 0.0.0.0:8701 or [::]:8701, or unix:PATH of at most \(ListenAddress.longestPath) bytes",
            argument: "ADDRESS:PORT", help: "plain HTTP for probes and Prometheus: GET of what only tells"
        ) { settings, text in
            settings.adminListen = ListenAddress(text)
            return settings.adminListen != nil
        } show: {
            $0.adminListen?.description ?? ""
        },
        ProgramOption(
            "portFile", flag: "port-file", path, argument: "FILE",
            help: "gets {\"http\":…,\"admin\":…,\"kinesis\":…} once listening"
        ) {
            $0.portFile = $1.text
        } show: {
            $0.portFile ?? ""
        },
        ProgramOption(
            "dataDir", flag: "data-dir", path, argument: "DIR", help: "keeps state there; without it in memory only"
        ) {
            $0.dataDir = $1.text
        } show: {
            $0.dataDir ?? ""
        },
        ProgramOption(
            list: "multilang", flag: "multilang", accepted: "the path of a properties file of the MultiLangDaemon",
            argument: "FILE", help: "runs the record processors of this properties file; may be repeated",
            read: { path.read($0) == nil ? nil : [$0] }
        ) {
            $0.multilang = $1
        } show: {
            $0.multilang.joined(separator: ",")
        },
    ]

    /// Who may come in, and how.
    private static let ways: [ProgramOption] = [
        file("tls.certificateFile", \.tls.certificateFile, flag: "tls-certificate", help: "PEM; HTTP is over TLS then"),
        file("tls.keyFile", \.tls.keyFile, flag: "tls-key", help: "PEM, the certificate's private key"),
        file(
            "tls.clientCAFile", \.tls.clientCAFile, flag: "tls-client-ca",
            help: "PEM; clients must show a certificate of one of these"),
        ProgramOption(
            "insecure", flag: "insecure", .boolean,
            help: "listen beyond loopback without TLS, or for whoever comes"
        ) {
            $0.isInsecure = $1.boolean ?? $0.isInsecure
        } show: {
            String($0.isInsecure)
        },
        ProgramOption(
            "unixSocketMode", accepted: "octal permission bits, such as 0660",
            help: "of Unix sockets: who may write to the file may connect"
        ) { settings, text in
            guard (3...4).contains(text.utf8.count), let mode = mode_t(text, radix: 8), mode <= 0o777 else {
                return false
            }
            settings.socketAccess.mode = mode
            return true
        } show: {
            "0" + String($0.socketAccess.mode, radix: 8)
        },
        ProgramOption(
            "unixSocketOwner", accepted: "USER, USER:GROUP or :GROUP, names or numbers of this system",
            help: "of Unix sockets"
        ) { settings, text in
            guard let owner = SocketOwner(text) else { return false }
            (settings.socketAccess.owner, settings.socketAccess.group) = (owner.user, owner.group)
            return true
        } show: { settings in
            let access = settings.socketAccess
            guard access.owner != nil || access.group != nil else { return "" }
            return (access.owner.map { "\($0)" } ?? "") + (access.group.map { ":\($0)" } ?? "")
        },
    ]

    private static func file(
        _ name: String, _ key: WritableKeyPath<Settings, String?> & Sendable, flag: String, help: String
    ) -> ProgramOption {
        ProgramOption(name, flag: flag, path, argument: "FILE", help: help) {
            $0[keyPath: key] = $1.text
        } show: {
            $0[keyPath: key] ?? ""
        }
    }

    private static let service: [ProgramOption] =
        [
            region(
                "region", \.region, flag: "region", help: "of AWS; else AWS_REGION, AWS_DEFAULT_REGION or the profile's"
            ),
            endpoint("endpoint", \.endpoint, flag: "endpoint", help: "where every service is asked"),
            endpoint("kinesis.endpoint", \.kinesisEndpoint, flag: "kinesis-endpoint", help: "where Kinesis is asked"),
            ProgramOption(
                "wireFormat", flag: "wire-format", .choice(WireFormat.allCases.map(\.rawValue)), argument: "json|cbor",
                help: "how GetRecords asks and is answered (cbor at AWS's own hosts, else json)"
            ) {
                $0.wireFormat = WireFormat(rawValue: $1.text ?? "")
            } show: {
                $0.wireFormat?.rawValue ?? ""
            },
        ] + credentials("credentials", \.credentials) + variants
        + place(
            "sts", \.sts.endpoint, \.sts.region, flag: "sts-endpoint", "where STS is asked for the credentials of roles"
        )
        + credentials("sts.credentials", \.sts.credentials)

    /// Which endpoints of a region are asked.
    private static let variants: [ProgramOption] = [
        truth("useFipsEndpoint", \.endpoints.useFIPS, help: "whether the services' FIPS endpoints are asked"),
        truth(
            "useDualstackEndpoint", \.endpoints.useDualStack,
            help: "whether endpoints with IPv6 beside IPv4 are asked"),
        ProgramOption(
            "accountIdEndpointMode", .choice(AccountIDEndpointMode.allCases.map(\.rawValue)),
            help: "whether DynamoDB is asked at a host of the account"
        ) {
            $0.endpoints.accountIDMode = AccountIDEndpointMode(rawValue: $1.text ?? "")
        } show: {
            $0.endpoints.accountIDMode?.rawValue ?? ""
        },
    ]

    private static func truth(
        _ name: String, _ key: WritableKeyPath<Settings, Bool?> & Sendable, help: String
    ) -> ProgramOption {
        ProgramOption(name, .boolean, help: help) {
            $0[keyPath: key] = $1.boolean
        } show: {
            $0[keyPath: key].map(String.init) ?? ""
        }
    }

    /// What every service but Kinesis has: where it is asked. As whom follows.
    private static func place(
        _ name: String, _ url: WritableKeyPath<Settings, String?> & Sendable,
        _ own: WritableKeyPath<Settings, String?> & Sendable, flag: String, _ help: String
    ) -> [ProgramOption] {
        [endpoint(name + ".endpoint", url, flag: flag, help: help), region(name + ".region", own)]
    }

    /// Where the groups' table is, and how it is made.
    private static let dynamoDB: [ProgramOption] =
        [
            ProgramOption(
                "dynamoDb.enabled", flag: "dynamodb", .choice(["true", "false", "on", "off", "1", "0"]),
                argument: "on|off",
                help: "share groups with other sidecars (on; off with --local, unless the next one is given)"
            ) {
                $0.dynamoDB.isEnabled = $1.text.flatMap { $0 == "on" ? true : OptionKind.truth($0) ?? false }
            } show: {
                String($0.sharesGroups)
            },
            ProgramOption(
                "dynamoDb.tableName", accepted: "3 to 255 letters, digits, _, . and -",
                help: "the table of shared groups; made where there is none"
            ) { settings, text in
                guard let name = TableName(text) else { return false }
                settings.dynamoDB.table = name
                return true
            } show: {
                $0.dynamoDB.table.text
            },
            tags("dynamoDb.tags", \.dynamoDB.tags, help: "tags that the table gets beside those that it has"),
            units("readCapacityUnits", \.dynamoDB.readUnits),
            units("writeCapacityUnits", \.dynamoDB.writeUnits),
        ]
        + place(
            "dynamoDb", \.dynamoDB.service.endpoint, \.dynamoDB.service.region, flag: "dynamodb-endpoint",
            "where DynamoDB is asked")
        + credentials("dynamoDb.credentials", \.dynamoDB.service.credentials)

    /// Where large items are, and which are large.
    private static let s3: [ProgramOption] =
        [
            ProgramOption(
                "s3.forcePathStyle", .boolean, help: "whether a bucket is named in the path of a URL"
            ) {
                $0.s3.forcePathStyle = $1.boolean
            } show: {
                $0.s3.forcePathStyle.map(String.init) ?? ""
            },
            ProgramOption(
                "s3.bucketName", accepted: BucketName.accepted,
                help: "where large items are put; made where there is none (the stream's name)"
            ) { settings, text in
                settings.s3.bucket = BucketName(text)
                return settings.s3.bucket != nil
            } show: {
                $0.s3.bucket?.text ?? ""
            },
            ProgramOption(
                list: "s3.allowedBuckets", accepted: AllowedBuckets.Pattern.accepted,
                help: "from which buckets large items are given out, whatever records point to",
                read: { AllowedBuckets.Pattern($0).map { [$0] } }
            ) {
                $0.s3.allowedBuckets = AllowedBuckets($1)
            } show: {
                $0.s3.allowed.description
            },
            number(
                "s3.largeItemThreshold", \.s3.thresholdKilobytes, .size(1...10_240, in: .kibibytes),
                help: "a record with more data is put to S3"),
            ProgramOption(
                list: "s3.nonS3Keys", accepted: "the name of a member of the records' JSON",
                help: "members of an item that stand in its record too",
                read: { $0.isEmpty ? nil : [$0] }
            ) {
                $0.s3.nonS3Keys = $1
            } show: {
                $0.s3.nonS3Keys.joined(separator: ",")
            },
            tags("s3.tags", \.s3.tags, help: "tags that the bucket gets beside those that it has"),
            // S3 counts in whole days.
            ProgramOption(
                "s3.itemExpiration", .time(1...36_500, in: .days),
                help: "after which S3 deletes an item (a day longer than the stream keeps records)"
            ) {
                $0.s3.expirationDays = $1.duration.map { Int($0 / .seconds(86_400)) }
            } show: {
                $0.s3.expirationDays.map(String.init) ?? ""
            },
        ]
        + place(
            "s3", \.s3.service.endpoint, \.s3.service.region, flag: "s3-endpoint", "where S3 is asked")
        + credentials("s3.credentials", \.s3.service.credentials)

    private static func tags(
        _ name: String, _ key: WritableKeyPath<Settings, [String: String]> & Sendable, help: String
    ) -> ProgramOption {
        ProgramOption(
            list: name, accepted: OptionKind.acceptedTag, help: help, isMapping: true, key: { $0.key },
            read: { OptionKind.tag($0).map { [Tag(key: $0.key, value: $0.value)] } }
        ) {
            $0[keyPath: key] = Dictionary(uniqueKeysWithValues: $1.map { ($0.key, $0.value) })
        } show: {
            $0[keyPath: key].map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ",")
        }
    }

    private static func units(_ name: String, _ key: WritableKeyPath<Settings, Int?> & Sendable) -> ProgramOption {
        ProgramOption(
            "dynamoDb.provisionedThroughput." + name, .integer(1...1_000_000),
            help: "of a table that is made here, beside the other one (on demand)"
        ) {
            $0[keyPath: key] = $1.integer
        } show: {
            $0[keyPath: key].map(String.init) ?? ""
        }
    }

    private static func region(
        _ name: String, _ key: WritableKeyPath<Settings, String?> & Sendable, flag: String? = nil,
        help: String = "of this service (region)"
    ) -> ProgramOption {
        ProgramOption(name, flag: flag, accepted: "a region, such as eu-central-1", argument: "REGION", help: help) {
            settings, text in
            settings[keyPath: key] = text
            return Region(text) != nil
        } show: {
            $0[keyPath: key] ?? ""
        }
    }

    private static func credentials(
        _ name: String, _ key: WritableKeyPath<Settings, CredentialsSettings> & Sendable
    ) -> [ProgramOption] {
        [
            ProgramOption(name + ".accessKeyId", .text(longest: 128), help: "fixed credentials, beside secretAccessKey")
            {
                $0[keyPath: key].id = $1.text
            } show: {
                $0[keyPath: key].id ?? ""
            },
            secret(name + ".secretAccessKey", key, \.secret, help: "of accessKeyId"),
            secret(name + ".sessionToken", key, \.sessionToken, help: "of temporary credentials"),
            ProgramOption(
                name + ".profile", .text(longest: 256), help: "a profile of AWS's shared files; not beside keys"
            ) {
                $0[keyPath: key].profile = $1.text
            } show: {
                $0[keyPath: key].profile ?? ""
            },
        ]
    }

    private static func endpoint(
        _ name: String, _ key: WritableKeyPath<Settings, String?> & Sendable, flag: String, help: String
    ) -> ProgramOption {
        ProgramOption(
            name, flag: flag, accepted: "an http:// or https:// URL without user, query and fragment",
            argument: "URL", help: help
        ) { settings, text in
            settings[keyPath: key] = text
            return (try? Endpoint(text)) != nil
        } show: {
            $0[keyPath: key] ?? ""
        }
    }

    private static func secret(
        _ name: String, _ keys: WritableKeyPath<Settings, CredentialsSettings> & Sendable,
        _ key: WritableKeyPath<CredentialsSettings, Secret?> & Sendable, help: String
    ) -> ProgramOption {
        let kind = OptionKind.text(longest: 8192)
        let accepted = "\(kind.accepted), and not the \(Secret.mask) that is shown in place of it"
        return ProgramOption(name, accepted: accepted, help: help) { settings, text in
            settings[keyPath: keys][keyPath: key] = Secret(text)
            return kind.read(text) != nil && text != Secret.mask
        } show: {
            $0[keyPath: keys][keyPath: key].map { "\($0)" } ?? ""
        }
    }

    private static let http: [ProgramOption] = [
        number(
            "maxHeaderBytes", \.http.headerBytes,
            help: "a request's header; beyond it 431"),
        number(
            "maxBodyBytes", \.http.bodyBytes,
            help: "a request's body, or a line of one; beyond it 413"),
        number(
            "maxBodyBytesTogether", \.http.bodyBytesTogether,
            help: "memory of all bodies that are read; beyond it 503"),
        number(
            "maxConnections", \.http.connections, .integer(1...1_000_000),
            help: "beyond it 503"),
        time(
            "idleTimeout", \.http.idleTime,
            help: "an idle connection is closed"),
        time(
            "headerTimeout", \.http.headerTime,
            help: "a header that is not complete by then gets 408"),
        time(
            "bodyTimeout", \.http.bodyTime,
            help: "a body without progress for so long gets 408"),
        time(
            "readerWriteTimeout", \.http.streamWriteTime, milliseconds,
            help: "a reader that takes nothing for so long is closed; 0: never"),
        time(
            "heartbeatInterval", \.heartbeatInterval, GatewayOptions.heartbeatIntervals,
            help: "after so long without an event a reader gets a sign of life"),
        ProgramOption(
            list: "allowedHosts", accepted: "a host name without a port, or *.suffix",
            help: "accepted in Host beside localhost and IP addresses",
            read: { isHostName($0) ? [$0] : nil }
        ) {
            $0.allowedHosts = $1
        } show: {
            $0.allowedHosts.joined(separator: ",")
        },
        ProgramOption(
            list: "allowedOrigins", accepted: "an origin, such as https://app.example",
            help: "whose pages may read and put (CORS)",
            read: { isOrigin($0) ? [$0] : nil }
        ) {
            $0.allowedOrigins = $1
        } show: {
            $0.allowedOrigins.joined(separator: ",")
        },
    ]

    private static let flow: [ProgramOption] = [
        number(
            "maxBufferedBytes", \.maxBufferedBytes, .bytes(1 << 20...1 << 40),
            help: "answers of GetRecords held at once, over all consumers"),
        number(
            "maxPutBytes", \.maxPutBytes, .bytes(1 << 20...1 << 40),
            help: "puts that wait, over all streams; beyond it 429"),
        time(
            "putTimeout", \.putTimeout,
            help: "a put that is not answered by then gets 504"),
        time(
            "putLinger", \.putLinger, milliseconds,
            help: "a put waits so long for others to share its request"),
        ProgramOption(
            "aggregate", .boolean,
            help: "put records of one shard together as one, as the Kinesis Producer Library does"
        ) {
            $0.aggregates = $1.boolean ?? $0.aggregates
        } show: {
            String($0.aggregates)
        },
        number(
            "aggregationMaxSize", \.aggregation.maxSize, .bytes(64...1 << 20),
            help: "of an aggregate; a larger record is put alone"),
        number(
            "aggregationMaxCount", \.aggregation.maxCount, .integer(1...100_000),
            help: "records of an aggregate"),
        time(
            "recordMaxBufferedTime", \.aggregation.maxBufferedTime, .milliseconds(0...60_000),
            help: "how long a record waits for others of its aggregate"),
        ProgramOption(
            "rateLimit", .integer(1...1000), help: "percent of each shard's write limits that this process takes (none)"
        ) {
            $0.rateLimit = $1.integer ?? $0.rateLimit
        } show: {
            $0.rateLimit.map(String.init) ?? ""
        },
    ]

    private static let process: [ProgramOption] = [
        time(
            "shutdownDelay", \.shutdownDelay, milliseconds,
            help: "after a signal /readyz says 503 for so long, and all else goes on, before the drain"),
        time(
            "drainTimeout", \.drainTimeout, milliseconds,
            help: "the longest that the drain after a signal may take"),
        ProgramOption(
            "logLevel", flag: "log-level", .choice(Logger.Level.allCases.map(\.rawValue)), argument: "LEVEL",
            help: "trace, debug, info, notice, warning, error or critical (info)"
        ) {
            $0.logLevel = $1.text.flatMap { Logger.Level(rawValue: $0) } ?? $0.logLevel
        } show: {
            $0.logLevel.rawValue
        },
    ]

    /// Where telemetry is sent.
    private static let otlp: [ProgramOption] = [
        endpoint("otlp.endpoint", \.otlp.endpoint, flag: "otlp-endpoint", help: "where OTLP/HTTP is sent (nowhere)"),
        ProgramOption(
            list: "otlp.headers", accepted: OTLPSettings.Header.accepted,
            help: "header fields of the requests to a collector", isMapping: true,
            read: { OTLPSettings.Header($0).map { [$0] } }
        ) {
            $0.otlp.headers = $1
        } show: {
            $0.otlp.headers.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        },
        ProgramOption(
            "otlp.interval", .milliseconds(100...86_400_000), help: "from one round of metrics to the next (1m)"
        ) {
            $0.otlp.interval = $1.duration
        } show: {
            $0.otlp.interval.map { String($0.wholeMilliseconds) } ?? ""
        },
        ProgramOption("otlp.serviceName", .text(longest: 255), help: "what telemetry says this is (kinesis-sidecar)") {
            $0.otlp.serviceName = $1.text
        } show: {
            $0.otlp.serviceName ?? ""
        },
    ]

    private static func isHostName(_ text: String) -> Bool {
        let name = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
        let allowed = name.utf8.allSatisfy { byte in
            byte.isLetter || byte.isDigit || "-._".utf8.contains(byte)
        }
        return (1...253).contains(name.utf8.count) && allowed
    }

    private static func isOrigin(_ text: String) -> Bool {
        // An origin is an endpoint without a path: scheme, host and port (RFC 6454, 6.2).
        guard let endpoint = try? Endpoint(text) else { return false }
        return endpoint.path == "/" && !text.hasSuffix("/")
    }
}
