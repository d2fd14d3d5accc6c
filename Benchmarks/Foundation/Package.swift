// swift-tools-version: 6.2
import PackageDescription

/// A package of its own, so that nothing of Foundation comes near the product.
let package = Package(
    name: "foundation-hot-path",
    targets: [.executableTarget(name: "FoundationHotPath")],
    swiftLanguageModes: [.v6]
)
