/// Options of the program that a later version brings: each is refused by name, never accepted without effect.
enum LaterOption {
    static let flags: Set<String> = ["s3-endpoint"]
}
