import AWS
import Bytes
import HTTP
import HTTPServer

/// `GET /`: one page for people, without anything from elsewhere. It asks `/stats` for what it shows.
extension Gateway {
    func statusPage(_ exchange: HTTPExchange) async throws(Problem) {
        try refuseOptions(exchange)
        await exchange.respond(.ok, headers: StatusPage.headers, body: StatusPage.body)
    }
}

enum StatusPage {
    static let body = ByteBuffer(PackageResources.status_html)

    static let headers: HTTPHeaders = [
        "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
        "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    ]

    /// The page's own script and style, known by their digests, and this server's answers; nothing else. A name of a
    /// stream or a group that slipped into the page as markup could do nothing.
    static let policy = [
        "default-src 'none'", "script-src 'sha256-\(digest(of: "script"))'",
        "style-src 'sha256-\(digest(of: "style"))'",
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    /// Of what stands between the element's tags, as Content Security Policy Level 3, 8.3, counts it.
    private static func digest(of element: String) -> String {
        let text = body.text
        guard let start = text.firstRange(of: "<\(element)>"), let end = text.firstRange(of: "</\(element)>") else {
            preconditionFailure("the page has no \(element)")
        }
        return Digest.sha256(String(text[start.upperBound..<end.lowerBound])).base64
    }
}
