"""Remote check types (reference: remote check types)."""

from __future__ import annotations

from vedette.domain.attributes import Attribute, Boolean, Expression, Hash, Integer, OneOf, Text, Url
from vedette.domain.check_types.declaration import CheckType, KnownMetric
from vedette.domain.details import PORT, HostName

_FORBIDDEN_HEADERS = (
    "content-length", "user-agent", "host", "connection", "keep-alive", "transfer-encoding", "upgrade",
)  # fmt: skip
_RECORD_TYPES = ("A", "AAAA", "TXT", "MX", "SOA", "CNAME", "PTR", "NS", "MB", "MD", "MF", "MG", "MR")


def _in_any_case(word: str) -> str:
    """A pattern that JSON Schema's dialect has too: it knows no flags."""
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in word)


_HEADER_NAME = Text(
    1,
    50,
    rf"(?!(?:{'|'.join(map(_in_any_case, _FORBIDDEN_HEADERS))})$)[!#$%&'*+.^_`|~0-9A-Za-z-]+",
    "a header name other than " + ", ".join(_FORBIDDEN_HEADERS),
)
_HEADER_VALUE = Text(1, 50, r"[\t\x20-\x7e\x80-\xff]+", "a header value between 1 and 50 characters long")


def _port(usual: int) -> Attribute:
    return Attribute("port", PORT, f"Port number (default: {usual})", assumed=usual)


_SSL = Attribute("ssl", Boolean(), "Enable SSL", assumed=False)

_DURATION = KnownMetric("duration", "uint32", "milliseconds", "Time the whole check took")
_TT_CONNECT = KnownMetric("tt_connect", "uint32", "milliseconds", "Time until the connection stood")
_TT_FIRSTBYTE = KnownMetric("tt_firstbyte", "uint32", "milliseconds", "Time until the first byte came")
_TT_BODY = KnownMetric("tt_body", "uint32", "milliseconds", "Time until the body was there")
_BYTES = KnownMetric("bytes", "int32", "bytes", "Size of what came back")
_BANNER = KnownMetric("banner", "string", "", "What the server said first")
_BANNER_MATCH = KnownMetric("banner_match", "string", "", "What of the banner matched the expression `banner_match`")
_CERTIFICATE = (
    KnownMetric("cert_end", "uint32", "seconds", "When the certificate expires, since the epoch; only over TLS"),
    KnownMetric("cert_end_in", "int32", "seconds", "How long until then; only over TLS"),
    KnownMetric("cert_error", "string", "", "Why the certificate is not valid; only over TLS, only if it is not"),
    KnownMetric("cert_issuer", "string", "", "Who issued the certificate; only over TLS"),
    KnownMetric("cert_start", "uint32", "seconds", "When the certificate was issued, since the epoch; only over TLS"),
    KnownMetric("cert_subject", "string", "", "The subject of the certificate; only over TLS"),
    KnownMetric("cert_subject_alternative_names", "string", "", "Other names it is valid for; only over TLS"),
)

_DNS = CheckType(
    id="remote.dns",
    summary="Asks a DNS server.",
    attributes=(
        _port(53),
        Attribute("query", HostName(), "DNS query", optional=False),
        Attribute("record_type", OneOf(_RECORD_TYPES), "DNS record type", optional=False),
    ),
    metrics=(
        KnownMetric("answer", "string", "", "The answers, with spaces between them"),
        KnownMetric("rtt", "double", "seconds", "Time from question to answer"),
        KnownMetric("ttl", "uint32", "seconds", "How long the answer may be kept"),
    ),
)

_HTTP = CheckType(
    id="remote.http",
    summary="Requests a URL, perhaps with credentials, and looks for expressions in the body.",
    attributes=(
        Attribute("url", Url(8096), "Target URL", optional=False),
        Attribute("body", Expression(1, 255), "Body match regular expression (body is limited to 100k)"),
        Attribute(
            "headers", Hash(_HEADER_NAME, _HEADER_VALUE, 10), "Arbitrary headers which are sent with the request"
        ),
        Attribute(
            "body_matches",
            Hash(Text(1, 50, r"[-_ A-Za-z0-9]+"), Expression(1, 255), 4),
            "Body match regular expressions (body is limited to 100k, matches are truncated to 80 characters)",
        ),
        Attribute(
            "method",
            OneOf(("HEAD", "GET", "POST", "PUT", "DELETE", "INFO")),
            "HTTP method (default: GET)",
            default="GET",
        ),
        Attribute("auth_user", Text(1, 255), "Optional auth user"),
        Attribute("auth_password", Text(1, 255), "Optional auth password", secret=True),
        Attribute("follow_redirects", Boolean(), "Follow redirects (default: true)", default=True),
        Attribute(
            "payload", Text(1, 1024), "Request body (limited to 1024 characters); sent to the first location only"
        ),
        Attribute("include_body", Boolean(), "Include the body in the metrics (default: false)", default=False),
    ),
    metrics=(
        KnownMetric("body", "string", "", "The body; only with `include_body`"),
        KnownMetric("body_match", "string", "", "What matched the expression `body`"),
        KnownMetric("body_match_<key>", "string", "", "What matched the expression of that key of `body_matches`"),
        _BYTES,
        *_CERTIFICATE,
        KnownMetric("code", "string", "", "The status code"),
        _DURATION,
        KnownMetric("truncated", "uint32", "bytes", "How much of the body was cut off"),
        _TT_CONNECT,
        _TT_FIRSTBYTE,
    ),
)

_PING = CheckType(
    id="remote.ping",
    summary="Sends ICMP echo requests.",
    attributes=(Attribute("count", Integer(1, 15), "Number of pings to send within a single check", assumed=6),),
    metrics=(
        KnownMetric("available", "double", "percent", "How many of the pings came back"),
        KnownMetric("average", "double", "seconds", "Average time until a ping was back"),
        KnownMetric("count", "int32", "", "How many pings were sent"),
        KnownMetric("maximum", "double", "seconds", "Longest time until a ping was back"),
        KnownMetric("minimum", "double", "seconds", "Shortest time until a ping was back"),
    ),
)

_SMTP = CheckType(
    id="remote.smtp",
    summary="Talks to a mail server, and sends it a message if `to` says to whom.",
    attributes=(
        _port(25),
        Attribute("ehlo", Text(1, 255), "EHLO parameter"),
        Attribute("from", Text(1, 255), "From parameter"),
        Attribute("to", Text(1, 255), "To parameter (if absent, the conversation ends by a `quit` before it)"),
        Attribute("payload", Text(1, 1024), "Specifies the payload"),
        Attribute("starttls", Boolean(), "Should the connection be upgraded to TLS/SSL", assumed=False),
    ),
)

_SSH = CheckType(
    id="remote.ssh",
    summary="Connects to an SSH server as far as its host key.",
    attributes=(_port(22),),
    metrics=(_DURATION, KnownMetric("fingerprint", "string", "", "The fingerprint of the server's host key")),
)

_TCP = CheckType(
    id="remote.tcp",
    summary="Connects to a port, and looks for expressions in what comes back.",
    attributes=(
        Attribute("port", PORT, "Port number", optional=False),
        Attribute("banner_match", Expression(1, 255), "Banner match regex"),
        Attribute("send_body", Text(1, 1024), "What to send; with a banner, once the banner is verified"),
        Attribute("body_match", Expression(1, 255), "Body match regex, over the first 1024 bytes"),
        _SSL,
    ),
    metrics=(_BANNER, _BANNER_MATCH, _DURATION, _TT_CONNECT, _TT_FIRSTBYTE),
)

_FTP = CheckType(
    id="remote.ftp-banner",
    summary="Connects to an FTP server and waits for its banner.",
    attributes=(_port(21),),
    metrics=(
        _BANNER,
        _BANNER_MATCH,
        KnownMetric("body_match", "string", "", "What of the body matched"),
        _DURATION,
        _TT_BODY,
        _TT_CONNECT,
        _TT_FIRSTBYTE,
    ),
)

_TELNET = CheckType(
    id="remote.telnet-banner",
    summary="Connects to a Telnet server, or one alike, and looks at its banner.",
    attributes=(_port(23), Attribute("banner_match", Expression(1, 255), "Banner to check"), _SSL),
)


def _banner(protocol: str, server: str, port: int, metrics: tuple[KnownMetric, ...] = ()) -> CheckType:
    return CheckType(
        id=f"remote.{protocol}-banner",
        summary=f"Connects to {server} and waits for its banner.",
        attributes=(_port(port), _SSL),
        metrics=metrics,
    )


_SMTP_METRICS = (_BANNER, _BANNER_MATCH, _BYTES, *_CERTIFICATE, _DURATION, _TT_CONNECT, _TT_FIRSTBYTE)

REMOTE_TYPES = (
    _DNS,
    _FTP,
    _HTTP,
    _banner("imap", "an IMAP server", 143),
    _banner("mssql", "a Microsoft SQL Server", 1433),
    _banner("mysql", "a MySQL server", 3306),
    _PING,
    _banner("pop3", "a POP3 server", 110),
    _banner("postgresql", "a PostgreSQL server", 5432),
    _SMTP,
    _banner("smtp", "a mail server", 25, _SMTP_METRICS),
    _SSH,
    _TCP,
    _TELNET,
)
