/// What `put` is asked for. Performs no I/O.
struct PutOptions: Equatable, Sendable {
    enum Source: Equatable, Sendable {
        case arguments([String])
        /// Paths; `-` is standard input.
        case files([String])
    }

    /// What a record is made of.
    enum Form: Equatable, Sendable {
        /// A line, as it stands, under this key; nil: of a digest.
        case line(key: String?)
        /// A line that has the record's fields.
        case fields
        /// All of a file, or an argument.
        case whole(key: String?)
    }

    let stream: String
    let source: Source
    let form: Form
    let isOrdered: Bool
    let showsProgress: Bool

    init(_ values: CommandValues) throws(ClientError) {
        try values.refuse("records", with: "raw")
        try values.refuse("records", with: "key")
        stream = values.operands[0]
        let data = Array(values.operands.dropFirst())
        let files = values.all("file")
        guard data.isEmpty || files.isEmpty else { throw .usage("DATA does not go with --file; give one of the two") }
        source = data.isEmpty ? .files(files.isEmpty ? ["-"] : files) : .arguments(data)
        let key = values.text("key")
        form = values.has("records") ? .fields : values.has("raw") ? .whole(key: key) : .line(key: key)
        isOrdered = values.has("ordered")
        showsProgress = !values.has("no-progress")
    }
}
