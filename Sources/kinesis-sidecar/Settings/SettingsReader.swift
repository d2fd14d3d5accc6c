import AWS
import Consumer
import Kinesis
import S3
import Time

/// Makes settings of what command line, environment and file say, and collects every mistake. Performs no I/O.
///
/// Each layer is checked whole, also what a higher one overrides: a mistake that waits to be uncovered is one still.
struct SettingsReader {
    var settings = Settings()
    var mistakes: [Mistake]
    /// The consumer's options in force for all, by name, and where each was given.
    private(set) var defaults: [String: Assignment] = [:]
    var origins: [String: Origin] = [:]
    /// Where each of the settings' consumers, and each of their record processors, is listed.
    var consumerOrigins: [Origin] = []
    var processorOrigins: [Origin] = []
    /// What became of the properties of each properties file.
    var properties: [PropertiesReport] = []
    /// Mappings of the file that are no options: one mistake each, however many members they have.
    var refusedMappings: Set<String> = []

    /// - Parameters:
    ///   - properties: the files that `multilang` names. What they say of the process goes behind all other layers.
    ///   - unreadable: what is wrong with the file as a whole, where it is not there for that.
    ///   - now: behind which a moment that is read from may not lie.
    init(
        commandLine: CommandLineArguments, environment: EnvironmentSettings, file: ConfigFileSettings?,
        properties: [PropertiesSettings] = [], unreadable: Mistake? = nil, now: WallTime = .now()
    ) {
        mistakes = unreadable.map { [$0] } ?? file?.mistakes ?? []
        mistakes += environment.mistakes + commandLine.mistakes
        for layer in [file?.assignments ?? [], environment.assignments, commandLine.assignments] {
            for assignment in layer { take(assignment) }
        }
        take(processSettingsOf: properties)
        takeDefaults()
        for consumer in file?.entries(of: .consumers) ?? [] { takeConsumer(consumer) }
        for processor in file?.entries(of: .processors) ?? [] { takeProcessor(processor) }
        for file in properties { takeApplication(file) }
        takeAccess(file)
        // Else one mistake would be told once more as what is missing because of it.
        if mistakes.isEmpty { checkTogether(now) }
        remarkOnEnd()
    }

    /// Where the value in force of an option came from, for people.
    func source(of name: String) -> String {
        (origins[name] ?? defaults[name]?.origin)?.place ?? "default"
    }

    /// Whether anybody says the option of consumers for all of them.
    func isGiven(_ name: String) -> Bool { defaults[name] != nil }

    // MARK: One setting

    mutating func take(_ assignment: Assignment) {
        if let option = ProgramOption.named(assignment.name) {
            take(assignment, as: option)
        } else if let assignment = joined(assignment), check(assignment) {
            defaults[assignment.name] = assignment
        }
    }

    mutating func take(_ assignment: Assignment, as option: ProgramOption) {
        guard option.isList || assignment.values.count == 1 else {
            return refuse(assignment, "takes one value and no list")
        }
        guard !assignment.values.isEmpty else { return refuse(assignment, "has no value") }
        do throws(ProgramOption.BadValue) {
            try option.apply(&settings, assignment.values)
            origins[option.name] = assignment.origin
        } catch {
            // The part of a URL before the @ may be a password.
            let isSecret = option.name.contains("credentials.") || error.value.contains("@")
            let shown = isSecret ? "the value" : "\"\(Endpoint.masked(error.value))\""
            refuse(assignment, "\(shown) is not accepted; accepted: \(error.accepted)")
        }
    }

    /// A consumer's option with its one value: a list of shards or tags may be one of the file, or have commas.
    mutating func joined(_ assignment: Assignment) -> Assignment? {
        guard assignment.values.count != 1 else { return assignment }
        let kind = ConsumerOption.named(assignment.name)?.kind
        guard kind == .shardIDs || kind == .tags else {
            refuse(assignment, "takes one value and no list")
            return nil
        }
        let text = assignment.values.joined(separator: ",")
        return Assignment(name: assignment.name, values: [text], origin: assignment.origin)
    }

    /// Options that were checked one by one; nil where one of them needs another, which is told.
    mutating func together(_ assignments: some Collection<Assignment>) -> NamedOptions? {
        do throws(ConsumerOptionError) {
            return try NamedOptions(assignments.map { ($0.name, $0.values[0]) }, from: .configuration)
        } catch {
            if let first = assignments.first(where: { $0.name == error.option }) {
                refuse(first, Self.text(error, OptionName.ofFile))
            }
            return nil
        }
    }

    /// A consumer's option: whether its table takes it. `names` are those that somebody may have meant.
    mutating func check(_ assignment: Assignment, among names: [String] = OptionName.ofFile) -> Bool {
        do throws(ConsumerOptionError) {
            try NamedOptions.check(assignment.name, assignment.values[0], from: .configuration)
            return true
        } catch {
            refuse(assignment, Self.text(error, names))
            return false
        }
    }

    private static func text(_ error: ConsumerOptionError, _ names: [String]) -> String {
        switch error {
        case .unknown(let option):
            "there is no option \(option)" + NearestName.suggestion(for: option, among: names)
        case .badValue(_, let value, let accepted): "\"\(value)\" is not accepted; accepted: \(accepted)"
        case .repeated, .incomplete, .configurationOnly, .elsewhere: error.description
        }
    }

    mutating func refuse(_ assignment: Assignment, _ problem: String) {
        if let mapping = Self.unknownMapping(assignment), !refusedMappings.insert(mapping).inserted { return }
        mistakes.append(Mistake(assignment.origin, problem))
    }

    /// `retryOption.` of `retryOption: {retries: 3}`: no option's name begins so.
    private static func unknownMapping(_ assignment: Assignment) -> String? {
        guard case .file = assignment.origin, let dot = assignment.name.firstIndex(of: ".") else { return nil }
        let mapping = String(assignment.name[...dot])
        return OptionName.all.contains { $0.hasPrefix(mapping) } ? nil : mapping
    }

    private mutating func takeDefaults() {
        guard let named = together(defaults.values) else { return }
        settings.consumerDefaults = named.applied(to: ConsumerOptions())
        let createAll = defaults["createStreamIfNeeded"].flatMap { OptionKind.truth($0.values[0]) }
        settings.createsUnlistedStreams = createAll ?? settings.isLocal
    }

    // MARK: Who may do what

    private mutating func takeAccess(_ file: ConfigFileSettings?) {
        guard let file else { return }
        var reader = AccessReader()
        for entry in file.entries(of: .tokens) { reader.takeToken(entry) }
        for entry in file.entries(of: .clientNames) { reader.takeClient(entry) }
        settings.access = reader.access
        mistakes += reader.mistakes
        for list in [ConfigFileSettings.EntryList.tokens, .clientNames] {
            origins[list.rawValue] = file.entries(of: list).first?.origin
        }
    }

    // MARK: Options that need one another

    private mutating func checkTogether(_ now: WallTime) {
        for (name, problem) in settings.withoutEffect.sorted(by: { $0.key < $1.key }) {
            if let origin = origins[name] { mistakes.append(Mistake(origin, problem)) }
        }
        checkFanOut()
        checkStreams(now)
        checkLocalStreams()
        check(settings.credentials, "credentials")
        check(settings.dynamoDB.service.credentials, "dynamoDb.credentials")
        check(settings.s3.service.credentials, "s3.credentials")
        check(settings.sts.credentials, "sts.credentials")
        checkDynamoDB()
        checkS3()
        checkTLS()
    }

    private mutating func checkFanOut() {
        let defaults = settings.consumerDefaults
        guard defaults.useEnhancedFanOut, let origin = self.defaults["useEnhancedFanOut"]?.origin else { return }
        let all = [defaults] + settings.consumers.map { $0.options.applied(to: defaults) }
        guard all.contains(where: \.usePausedPolling) else { return }
        mistakes.append(Mistake(origin, "does not go with usePausedPolling: what is pushed does not wait"))
    }

    /// For all consumers together, and for each that has options of its own.
    private mutating func checkStreams(_ now: WallTime) {
        let defaults = settings.consumerDefaults
        check(defaults, names: Set(self.defaults.keys), now) { [given = self.defaults] in given[$0]?.origin }
        for (consumer, origin) in zip(settings.listed, consumerOrigins + processorOrigins)
        where !consumer.options.items.isEmpty {
            let own = Set(consumer.options.items.map(\.name))
            check(consumer.options.applied(to: defaults), names: own, now) { _ in origin }
        }
    }

    private mutating func check(
        _ options: ConsumerOptions, names: Set<String>, _ now: WallTime, _ origin: (String) -> Origin?
    ) {
        if names.contains("initialTimestamp"), let moment = options.initialPositionInStream.timestamp, moment > now {
            mistakes.append(
                Mistake(
                    origin("initialTimestamp"),
                    "initialTimestamp \(moment.iso8601) is still to come; accepted: a time that has passed"))
        }
        if names.contains("shardCount"), options.streamMode == .onDemand {
            mistakes.append(
                Mistake(origin("shardCount"), "shardCount does not go with streamMode \(StreamMode.onDemand.rawValue)"))
        }
        if !names.isDisjoint(with: ["encryption.type", "encryption.keyId"]),
            (options.encryptionType == .kms) != (options.encryptionKeyID != nil)
        {
            let given = names.contains("encryption.type") ? "encryption.type" : "encryption.keyId"
            mistakes.append(
                Mistake(origin(given), "encryption needs both type, \(EncryptionType.kms.rawValue), and keyId"))
        }
    }

    private mutating func checkTLS() {
        let tls = settings.tls
        if (tls.certificateFile == nil) != (tls.keyFile == nil) {
            let given = origins["tls.certificateFile"] ?? origins["tls.keyFile"]
            mistakes.append(Mistake(given, "TLS needs both tls.certificateFile and tls.keyFile"))
        } else if tls.clientCAFile != nil, !tls.isOn {
            mistakes.append(Mistake(origins["tls.clientCAFile"], "needs tls.certificateFile and tls.keyFile"))
        }
        if !settings.access.clients.isEmpty, tls.clientCAFile == nil {
            mistakes.append(
                Mistake(origins["tls.clientNames"], "needs tls.clientCAFile, whose authorities say who is who"))
        }
        let isForCertificatesAlone = settings.access.tokens.isEmpty && !settings.access.clients.isEmpty
        if isForCertificatesAlone, let socket = settings.listen.first(where: { $0.port == nil }) {
            mistakes.append(
                Mistake(
                    origins["listen"],
                    "\(socket) shows no client certificate, so that tls.clientNames lets nobody in; add tokens"))
        }
        if let missing = settings.missingOfListeners { mistakes.append(Mistake(origins["listen"], missing)) }
    }

    private mutating func checkLocalStreams() {
        let names = settings.localStreams.map(\.name)
        guard let twice = names.first(where: { name in names.count { $0 == name } > 1 }) else { return }
        mistakes.append(Mistake(origins["localStreams"], "stream \(twice) is named twice"))
    }

    private mutating func check(_ credentials: CredentialsSettings, _ name: String) {
        guard let problem = credentials.problem else { return }
        mistakes.append(Mistake(CredentialsSettings.names(of: name).compactMap { origins[$0] }.first, problem))
    }

    private mutating func checkS3() {
        if settings.usesLargeItems, settings.isLocal, settings.s3.service.endpoint == nil {
            let given = defaults["useS3ForLargeItems"]?.origin
            mistakes.append(Mistake(given, "useS3ForLargeItems needs s3.endpoint with --local"))
        }
        if settings.s3.tags.count > OptionKind.mostTags {
            mistakes.append(
                Mistake(origins["s3.tags"], "are more than \(OptionKind.mostTags), which a bucket may have"))
        }
        if let bucket = settings.s3.bucket { checkAllowed(bucket, "s3.bucketName") }
        for (consumer, origin) in zip(settings.listed, consumerOrigins + processorOrigins) {
            guard let rule = settings.largeItemRule(of: consumer.stream) else { continue }
            if let bucket = rule.bucket {
                if settings.s3.bucket == nil { checkAllowed(bucket, "the bucket of the stream \(consumer.stream)") }
                continue
            }
            mistakes.append(
                Mistake(
                    origin,
                    "useS3ForLargeItems needs s3.bucketName: \(consumer.stream) is no name of a bucket; accepted: "
                        + BucketName.accepted))
        }
    }

    /// What is put has to be given out again.
    private mutating func checkAllowed(_ bucket: BucketName, _ what: String) {
        guard !settings.s3.allowed.contains(bucket) else { return }
        let mistake = Mistake(origins["s3.allowedBuckets"], "does not have \(bucket), \(what)")
        if !mistakes.contains(mistake) { mistakes.append(mistake) }
    }

    private mutating func checkDynamoDB() {
        let dynamoDB = settings.dynamoDB
        if settings.isLocal, dynamoDB.service.endpoint == nil, dynamoDB.isEnabled != false {
            let given = ProgramOption.all.filter { $0.name.hasPrefix("dynamoDb.") }
                .compactMap { origins[$0.name] }.first
            if let given { mistakes.append(Mistake(given, "needs dynamoDb.endpoint with --local")) }
        }
        if (dynamoDB.readUnits == nil) != (dynamoDB.writeUnits == nil) {
            let given = ["readCapacityUnits", "writeCapacityUnits"]
                .compactMap { origins["dynamoDb.provisionedThroughput." + $0] }.first
            mistakes.append(Mistake(given, "needs both readCapacityUnits and writeCapacityUnits"))
        }
        if dynamoDB.tags.count > OptionKind.mostTags {
            mistakes.append(
                Mistake(origins["dynamoDb.tags"], "are more than \(OptionKind.mostTags), which a table may have"))
        }
    }
}
