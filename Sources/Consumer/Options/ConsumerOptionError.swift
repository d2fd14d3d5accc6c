/// What is wrong with a named option.
package enum ConsumerOptionError: Error, Hashable, Sendable {
    /// No option has this name.
    case unknown(option: String)
    /// What lifion-kinesis has an option for is said in another place.
    case elsewhere(option: String, place: String)
    /// The option is named twice.
    case repeated(option: String)
    /// The value is not what the option accepts.
    case badValue(option: String, value: String, accepted: String)
    /// The option says something only beside another one, which is not named.
    case incomplete(option: String, needs: String)
    /// The option is configuration, never a query parameter.
    case configurationOnly(option: String)

    /// The option that is meant.
    package var option: String {
        switch self {
        case .unknown(let option), .elsewhere(let option, _), .repeated(let option), .badValue(let option, _, _),
            .incomplete(let option, _), .configurationOnly(let option):
            option
        }
    }
}

extension ConsumerOptionError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknown(let option): "there is no option \(option)"
        case .elsewhere(let option, let place): "\(option) is no option here: \(place)"
        case .repeated(let option): "\(option) is given twice"
        case .badValue(let option, let value, let accepted): "\(option) is \"\(value)\"; accepted: \(accepted)"
        case .incomplete(let option, let needs): "\(option) as it is given needs \(needs) beside it"
        case .configurationOnly(let option): "\(option) is configuration and no query parameter"
        }
    }
}
