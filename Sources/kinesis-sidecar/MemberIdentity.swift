import Consumer
import Glibc
import Logging
import State

/// Under which name this process takes part in groups: the folder's, so that one that starts again on its volume has its
/// leases back at once; without a folder a new one each time.
enum MemberIdentity {
    /// lifion-kinesis's short UUIDs: letters and digits without those that look alike, and as many as 128 bits take.
    private static let alphabet = Array("123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ")
    private static let length = 22

    static func of(_ folder: DataFolder?, _ logger: Logger) -> MemberName {
        guard let folder else { return MemberName(new(), another: new) }
        let another: @Sendable () -> MemberID = { kept(in: folder, logger) { nil } }
        return MemberName(
            kept(in: folder, logger) { () throws(TextFile.Failure) in
                access(folder.memberID, F_OK) == 0 ? read(try TextFile.read(folder.memberID)) : nil
            }, another: another)
    }

    /// The name that is known, or a new one, which is kept.
    private static func kept(
        in folder: DataFolder, _ logger: Logger, _ known: () throws(TextFile.Failure) -> MemberID?
    ) -> MemberID {
        do throws(TextFile.Failure) {
            if let known = try known() { return known }
            let made = new()
            try TextFile.write(made.text + "\n", to: folder.memberID)
            return made
        } catch {
            logger.warning(
                "this sidecar's name in its groups cannot be kept, and is another one at the next start",
                metadata: ["file": "\(folder.memberID)", "error": "\(error.problem)"])
            return new()
        }
    }

    /// What a file has; nil where it is no name, which was not written here.
    static func read(_ bytes: [UInt8]) -> MemberID? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.count == length + 1, text.last == "\n", text.dropLast().allSatisfy(alphabet.contains) else {
            return nil
        }
        return MemberID(String(text.dropLast()))
    }

    static func new() -> MemberID {
        MemberID(String((0..<length).map { _ in alphabet[Int.random(in: alphabet.indices)] }))
    }
}
