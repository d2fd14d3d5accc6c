/// Rows in columns, under a head. Performs no I/O.
package struct TextTable {
    private var rows: [[String]]

    package init(_ head: [String]) {
        rows = [head]
    }

    /// - Precondition: as many cells as the head has.
    package mutating func add(_ row: [String]) {
        precondition(row.count == rows[0].count)
        rows.append(row.map { $0.isEmpty ? "-" : PrintableText.line($0) })
    }

    /// Each row a line, two spaces between columns.
    package var text: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
