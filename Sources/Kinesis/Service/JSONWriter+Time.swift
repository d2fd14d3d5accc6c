import JSON
import Time

extension JSONWriter {
    /// A time as the JSON protocols of AWS write it: a number of seconds with three decimals.
    package mutating func epochSeconds(_ time: WallTime) {
        value(.number(time.epochSeconds))
    }

    /// A key and its time.
    package mutating func member(_ name: StaticString, _ time: WallTime) {
        key(name)
        epochSeconds(time)
    }
}
