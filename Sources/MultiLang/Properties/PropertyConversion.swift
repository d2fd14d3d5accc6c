import Consumer

/// How the text of a property becomes an option's value. Performs no I/O.
package enum PropertyConversion: Hashable, Sendable {
    case text
    /// What is no whole number of milliseconds from 0 is refused; what the option does not take becomes the nearest that it
    /// does.
    case milliseconds(Zero)
    /// Of a time, from 1.
    case seconds
    /// A whole number that the option takes, or 0 for KCL's default.
    case count
    /// As commons-beanutils reads it.
    case truth
    /// `LATEST` or `TRIM_HORIZON`, in any case.
    case position
    /// Whole seconds since 1970.
    case epochSeconds
    /// `DEFAULT`, `POLLING` or `FANOUT`, in any case.
    case retrievalMode
    /// A URL; KCL 1 took a host too.
    case endpoint

    /// What 0 means.
    package enum Zero: Hashable, Sendable {
        case zeroIsZero
        /// KCL keeps its own default where a number is 0.
        case zeroIsDefault
    }

    package enum Outcome: Equatable {
        /// Of each place its text. The note says where it is not what the property says.
        case values([String], note: String?)
        /// The option stays as it is, and why.
        case nothing(String)
        case bad(accepted: String)
    }

    private static let likeUnset = "it leaves the default, as in KCL"

    /// - Parameter places: the options, whose kinds say what they take.
    package func convert(_ text: String, for places: [OptionPlace]) -> Outcome {
        switch self {
        case .text: return .values(places.map { _ in text }, note: nil)
        case .endpoint: return .values([text.contains("://") ? text : "https://" + text], note: nil)
        case .milliseconds(let zero):
            guard let count = Self.wholeNumber(text) else { return .bad(accepted: "whole milliseconds, from 0") }
            if count == 0, zero == .zeroIsDefault { return .nothing(Self.likeUnset) }
            return Self.times(count, places)
        case .seconds:
            guard let count = Self.wholeNumber(text), count > 0 else { return .bad(accepted: "whole seconds, from 1") }
            let (milliseconds, isTooLong) = count.multipliedReportingOverflow(by: 1000)
            return Self.times(isTooLong ? .max : milliseconds, places)
        case .count:
            if Self.wholeNumber(text) == 0 { return .nothing(Self.likeUnset) }
            guard let kind = places.first?.kind, kind.read(text) != nil else {
                return .bad(accepted: places.first?.kind?.accepted ?? "")
            }
            return .values([text], note: nil)
        case .truth:
            guard let truth = Self.truth(text) else { return .bad(accepted: "true or false") }
            return .values([String(truth)], note: nil)
        case .position:
            let name = text.uppercased()
            guard ["LATEST", "TRIM_HORIZON"].contains(name) else {
                return .bad(accepted: "LATEST or TRIM_HORIZON; initialPositionInStreamExtended names a moment")
            }
            return .values([name], note: nil)
        case .epochSeconds:
            guard let seconds = Self.wholeNumber(text), seconds <= Self.latestSeconds else {
                return .bad(accepted: "whole seconds since 1970")
            }
            return .values(["AT_TIMESTAMP", String(seconds * 1000)], note: nil)
        case .retrievalMode: return Self.retrievalMode(text)
        }
    }

    /// The end of the year 9999.
    private static let latestSeconds = 253_402_300_799

    private static func retrievalMode(_ text: String) -> Outcome {
        switch text.uppercased() {
        case "FANOUT": .values(["true"], note: nil)
        case "POLLING": .values(["false"], note: nil)
        case "DEFAULT":
            .nothing(
                "records are polled, unless useEnhancedFanOut says otherwise; FANOUT has them pushed, as the daemon had"
            )
        default: .bad(accepted: "POLLING, FANOUT or DEFAULT")
        }
    }

    private static func times(_ milliseconds: Int, _ places: [OptionPlace]) -> Outcome {
        var notes: [String] = []
        let texts = places.map { place in
            guard case .time(let range, _)? = place.kind, !range.contains(milliseconds) else {
                return text(milliseconds)
            }
            let isLess = milliseconds < range.lowerBound
            let nearest = text(isLess ? range.lowerBound : range.upperBound)
            notes.append("\(place.name) is \(nearest) at \(isLess ? "least" : "most")")
            return nearest
        }
        return .values(texts, note: notes.isEmpty ? nil : notes.joined(separator: ", "))
    }

    /// With the largest unit that fits of those that people read at a glance.
    private static func text(_ milliseconds: Int) -> String {
        milliseconds > 0 && milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }

    private static func wholeNumber(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    /// Source: `org.apache.commons.beanutils.converters.BooleanConverter`.
    private static func truth(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "y", "on", "1": true
        case "false", "no", "n", "off", "0": false
        default: nil
        }
    }
}

extension OptionPlace {
    /// Nil for options of the process, which read their texts themselves.
    package var kind: OptionKind? {
        switch self {
        case .process: nil
        case .consumer(let name): ConsumerOption.named(name)?.kind
        case .processor(let name): ProcessorOption.named(name)?.kind
        }
    }
}
