extension ClientCommand {
    /// Every command there is, in the order of the help.
    package static let all: [ClientCommand] = [
        tail, put, status, checkpoint, seek, importKCL, healthcheck, completion,
    ]

    private static let stream = Operand("STREAM")
    private static let group = Option(
        "group", letter: "g", .text("GROUP"), help: "the consumer group (kinesis-sidecar)")

    private static let tail = ClientCommand(
        "tail", [stream],
        [
            Option(
                "from", .text("PLACE"), help: "TRIM_HORIZON, LATEST or a time such as 2026-01-02T03:04:05Z (LATEST)"),
            Option("count", letter: "n", .text("N"), help: "end after N records"),
            Option("no-follow", help: "end where the stream has nothing more, instead of waiting"),
            Option("json", help: "a record a line as JSON, as where standard output is no terminal"),
            Option("text", help: "time, shard, key and data, as on a terminal"),
            Option("raw", help: "the data alone, a line each, base64 undone"),
            Option("group", letter: "g", .text("GROUP"), help: "join this consumer group, whose checkpoints move"),
        ],
        summary: "follow a stream's records",
        details: """
            Without --group it joins no group and keeps no place. When the sidecar restarts it goes on where it was: what
            it has shown does not come again, with --group what the sidecar cannot know to be read may. It ends with
            SIGINT, or when nobody reads its output any more, with 0.
            """,
        examples: [
            "kinesis-sidecar tail orders --from TRIM_HORIZON --no-follow --raw > orders.ndjson",
            "kinesis-sidecar tail orders | jq .data",
        ],
        action: .asking { (values, context) async throws(ClientError) in
            try await Tail(TailOptions(values, isTerminal: context.output.isTerminal), context).run(values)
        })

    private static let put = ClientCommand(
        "put", [stream, Operand("DATA", .any)],
        [
            Option(
                "file", letter: "f", .file("FILE"), isRepeated: true,
                help: "put its lines, a record each; - is standard input"),
            Option("raw", help: "each file, or all of standard input, is one record, its bytes as they are"),
            Option(
                "records", help: "lines are records with their fields, as the HTTP interface takes them: {\"data\": …}"),
            Option("key", letter: "k", .text("KEY"), help: "the partition key of all (a digest of each record's data)"),
            Option("ordered", help: "records of one key keep their order, each in its own call"),
            Option("no-progress", help: "no progress bar on a terminal"),
        ],
        summary: "put records: arguments, standard input or files",
        details: """
            Each DATA is a record; without any the lines of standard input or of the files are, as they stand (empty ones
            are passed over). It waits until Kinesis has them. Each record that failed is a line on standard error, with
            the code 1. When it is cut off, or stopped by SIGINT, it says which lines are known to have been put.
            """,
        examples: [
            "kinesis-sidecar put orders '{\"id\": 7}' --key customer-7",
            "kinesis-sidecar put orders --file events.ndjson",
            "journalctl -f -o json | kinesis-sidecar put logs",
        ],
        action: .asking { (values, context) async throws(ClientError) in
            try await Put(PutOptions(values), context).run(values)
        })

    private static let status = ClientCommand(
        "status", [],
        [
            Option("json", help: "what /readyz, /stats and /streams say, as one JSON object")
        ],
        summary: "what the sidecar reads, how far it is, and what is wrong",
        details: """
            Exit code 1 when something is wrong: /readyz is not 200, or tells a warning (AWS or its storage in trouble), or
            a consumer has a problem.
            """,
        action: .asking { (values, context) async throws(ClientError) in
            try await Status.run(values, context)
        })

    private static let checkpoint = ClientCommand(
        "checkpoint", [stream],
        [
            group,
            Option("id", .text("ID"), help: "acknowledge this event and all before it that its reader got"),
            Option("skip", help: "with --id: the event's records cannot be processed; pass over them"),
            Option("json", help: "the response as it came"),
        ],
        summary: "show where a group stands, or acknowledge an event",
        examples: [
            "kinesis-sidecar checkpoint orders --group billing",
            "kinesis-sidecar checkpoint orders --group billing --id 5f2c81d0-41 --skip",
        ],
        action: .asking { (values, context) async throws(ClientError) in
            try await GroupCommands.checkpoint(values, context)
        })

    private static let seek = ClientCommand(
        "seek", [stream],
        [
            group,
            Option("to", .text("PLACE"), help: "TRIM_HORIZON, LATEST, a time, or with --shard a sequence number"),
            Option("shard", .text("SHARD"), help: "this shard alone"),
            Option("dry-run", help: "show what would become of each shard, and change nothing"),
            Option("yes", letter: "y", help: "do not ask"),
            Option("json", help: "the response as it came"),
        ],
        summary: "put a group's reading elsewhere",
        details: """
            On a terminal it shows what would become of each shard and asks; without a terminal it needs --yes. Where the
            answer is no, nothing is changed and the exit code is 1.
            """,
        examples: ["kinesis-sidecar seek orders --group billing --to 2026-01-02T03:04:05Z --dry-run"],
        action: .asking { (values, context) async throws(ClientError) in
            try await GroupCommands.seek(values, context)
        })

    private static let importKCL = ClientCommand(
        "import-kcl", [],
        [
            Option("table", .text("NAME"), help: "the lease table: the application's name, unless it names another"),
            Option("stream", .text("STREAM"), help: "which the application reads; its name or ARN"),
            Option("consumer-group", letter: "g", .text("GROUP"), help: "which goes on there (the table's name)"),
            Option("dry-run", help: "show what would become of each shard, and write nothing"),
            Option(
                "force", help: "although a worker is alive, the group has positions, or Kinesis does not know one"),
            Option("failover-time", .text("TIME"), help: "the application's failoverTimeMillis (10s)"),
            Option(
                "timestamp", .text("TIME"), help: "its initialPositionInStreamExtended, for leases at AT_TIMESTAMP"),
        ] + ofServer,
        summary: "put a group where an application of the Kinesis Client Library has stopped",
        details: """
            Reads the lease table twice, --failover-time apart, and refuses while a worker renews its leases; the table is
            never written to. The group's state is written where a sidecar with the same configuration has it: into
            --data-dir, or into the table of the groups. No sidecar of the group may run. Exit code 1 where it is refused,
            and of a dry run where it would be.
            """,
        examples: [
            "kinesis-sidecar import-kcl --table billing --stream orders --consumer-group billing --dry-run",
            "kinesis-sidecar import-kcl --multilang app.properties --data-dir /var/lib/kinesis-sidecar",
        ],
        action: .ofProgram)

    /// Flags of the server that say where AWS is and where the state lies.
    private static let ofServer = [
        Option("config", .file("FILE"), help: "the server's configuration file (KINESIS_SIDECAR_CONFIG)"),
        Option(
            "multilang", .file("FILE"),
            help: "the application's properties file, which names table, stream, group and AWS"),
        Option("data-dir", .file("DIR"), help: "where a sidecar keeps its state"),
        Option("dynamodb", .choice(["on", "off"]), help: "whether the group is shared by a table"),
        Option("region", .text("REGION"), help: "of AWS"),
        Option("endpoint", .text("URL"), help: "where every service is asked"),
        Option("kinesis-endpoint", .text("URL"), help: "where Kinesis is asked"),
        Option("dynamodb-endpoint", .text("URL"), help: "where DynamoDB is asked"),
        Option("sts-endpoint", .text("URL"), help: "where STS is asked"),
    ]

    /// Of those the values that are given, as the server's command line has them.
    package static func serverArguments(_ values: CommandValues) -> [String] {
        (ofServer.map(\.name) + ["consumer-group"]).flatMap { name in
            values.text(name).map { ["--\(name)=\($0)"] } ?? []
        }
    }

    private static let healthcheck = ClientCommand(
        "healthcheck", [],
        [
            Option("ready", help: "whether work should be sent to it (/readyz), not only whether it is alive (/livez)"),
            Option("timeout", .text("SECONDS"), help: "1 to 600 (3)"),
        ],
        summary: "exit 0 when the sidecar answers, else 1 with a line that says why",
        details: """
            For HEALTHCHECK of a container image without a shell: HEALTHCHECK CMD ["/kinesis-sidecar", "healthcheck"].
            It asks at KINESIS_SIDECAR_ADMIN_LISTEN first, where that is given; of a TLS listener it trusts the certificate
            that the configuration names.
            """,
        action: .asking { (values, context) async throws(ClientError) in
            try await Healthcheck.run(values, context)
        })

    private static let completion = ClientCommand(
        "completion", [Operand("SHELL", words: Completion.Shell.allCases.map(\.rawValue))],
        summary: "print a script that completes this program's command line",
        examples: [
            "source <(kinesis-sidecar completion bash)",
            "kinesis-sidecar completion zsh > \"${fpath[1]}/_kinesis-sidecar\"",
            "kinesis-sidecar completion fish > ~/.config/fish/completions/kinesis-sidecar.fish",
        ],
        action: .printing { (values, flags) throws(ClientError) in
            guard let shell = values.operands.first.flatMap(Completion.Shell.init) else { return "" }
            return Completion(serverFlags: flags).script(for: shell)
        })
}
