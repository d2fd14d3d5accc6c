import AWS
import Bytes
import HTTP
import HTTPServer

/// `GET /`: one page for people, without anything from elsewhere. It asks `/stats`, `/readyz`, `/assignments` and
/// `/process` for what it shows.
extension Gateway {
    func statusPage(_ exchange: HTTPExchange) async throws(Problem) {
        try refuseOptions(exchange)
        await exchange.respond(.ok, headers: StatusPage.headers, body: StatusPage.body)
    }
}

/// The page as it is sent: its style and its scripts, which are files of their own here, stand in it.
enum StatusPage {
    private static let style = "\n" + ByteBuffer(PackageResources.page_css).text
    /// One script, in the order in which the files need each other.
    private static let script =
        "\n"
        + [
            PackageResources.text_js, PackageResources.requests_js, PackageResources.findings_js,
            PackageResources.figures_js, PackageResources.actions_js, PackageResources.shards_js,
            PackageResources.streams_js, PackageResources.records_js, PackageResources.page_js,
        ].map { ByteBuffer($0).text }.joined(separator: "\n")

    static let body: ByteBuffer = {
        var text = ByteBuffer(PackageResources.page_html).text
        for (element, content) in [("style", style), ("script", script)] {
            guard let place = text.firstRange(of: "<\(element)></\(element)>") else {
                preconditionFailure("the page has no empty \(element)")
            }
            text.replaceSubrange(place, with: "<\(element)>\(content)</\(element)>")
        }
        return ByteBuffer(text)
    }()

    static let headers: HTTPHeaders = [
        "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
        "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    ]

    /// The page's own script and style, known by their digests (of what stands between the element's tags, as Content
    /// Security Policy Level 3, 8.3, counts it), and this server's answers; nothing else. A name of a stream or a group that
    /// slipped into the page as markup could do nothing.
    static let policy = [
        "default-src 'none'", "script-src 'sha256-\(Digest.sha256(script).base64)'",
        "style-src 'sha256-\(Digest.sha256(style).base64)'",
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")
}
