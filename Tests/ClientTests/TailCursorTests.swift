import Time
import Testing

@testable import Client

@Suite struct TailCursorTests {
    private func place(_ number: Int, _ sub: Int = 0) -> TailCursor.Place { .init(number: String(number), sub: sub) }
    private func time(_ seconds: Int) -> WallTime { WallTime(milliseconds: Int64(seconds) * 1000) }

    @Test func `numbers compare by length first, and then come the parts of an aggregate`() {
        #expect(place(9) < place(10) && place(10) < place(11) && place(11) < place(11, 1))
    }

    @Test func `a record is shown once, and a shard's own order counts`() {
        var cursor = TailCursor(from: .latest)
        let shown = [(place(5), "a"), (place(5), "a"), (place(4), "a"), (place(5, 1), "a"), (place(4), "b")].map {
            cursor.admits($0, of: $1, arrival: time(1))
        }
        #expect(shown == [true, false, false, true, true])
    }

    @Test func `before anything has come it begins where it began`() {
        for start in [TailOptions.Place.latest, .trimHorizon, .moment("x")] {
            #expect(TailCursor(from: start).next == start)
        }
    }

    @Test func `a tail from LATEST goes back to when it began, for shards that have given nothing`() {
        var cursor = TailCursor(from: .latest)
        cursor.connected(at: time(10))
        cursor.assigned("a")
        cursor.assigned("b")
        #expect(cursor.next == .moment("1970-01-01T00:00:10.000Z"))
        _ = cursor.admits(place(1), of: "a", arrival: time(20))
        #expect(cursor.next == .moment("1970-01-01T00:00:10.000Z"))
        _ = cursor.admits(place(1), of: "b", arrival: time(30))
        #expect(cursor.next == .moment("1970-01-01T00:00:20.000Z"))
        cursor.connected(at: time(40))
        cursor.assigned("c")
        #expect(cursor.next == .moment("1970-01-01T00:00:10.000Z"), "which a shard that came to be since needs")
    }

    @Test func `from TRIM_HORIZON nothing is passed over that a silent shard may have`() {
        var cursor = TailCursor(from: .trimHorizon)
        cursor.assigned("a")
        cursor.assigned("b")
        _ = cursor.admits(place(1), of: "a", arrival: time(20))
        #expect(cursor.next == .trimHorizon)
        _ = cursor.admits(place(1), of: "b", arrival: time(10))
        #expect(cursor.next == .moment("1970-01-01T00:00:10.000Z"))
    }

    /// Streams of three shards are read over connections that end anywhere: every record is shown once, in its shard's order.
    @Test func `whatever cuts the connections, every record is shown once`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            // Arrival times grow within a shard and may be the same.
            let shards = (0..<3).map { _ in
                (0..<Int.random(in: 0...12, using: &random)).reduce(into: [Int]()) { times, _ in
                    times.append((times.last ?? 0) + Int.random(in: 0...2, using: &random))
                }
            }
            var cursor = TailCursor(from: .trimHorizon)
            var shown = [[Int]](repeating: [], count: 3)
            for connection in 0..<20 {
                let begin: WallTime? = if case .moment(let text) = cursor.next { WallTime(iso8601: text) } else { nil }
                cursor.connected(at: time(0))
                for shard in 0..<3 { cursor.assigned("\(shard)") }
                var next = shards.map { times in times.firstIndex { begin == nil || time($0) >= begin! } ?? times.count
                }
                for _ in 0..<(connection == 19 ? 1000 : Int.random(in: 0...8, using: &random)) {
                    let shard = Int.random(in: 0..<3, using: &random)
                    guard next[shard] < shards[shard].count else { continue }
                    let index = next[shard]
                    next[shard] += 1
                    if cursor.admits(place(index + 1), of: "\(shard)", arrival: time(shards[shard][index])) {
                        shown[shard].append(index)
                    }
                }
            }
            #expect(shown == shards.map { Array($0.indices) })
        }
    }
}
