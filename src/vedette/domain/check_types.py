"""The catalogue of check types and the details of each (reference: check types)."""

from __future__ import annotations

import msgspec

from vedette.domain.attributes import Attribute, Boolean, Details, Expression, Hash, OneOf, Scalar, Text, Url


class CheckType(msgspec.Struct, frozen=True, kw_only=True):
    """What can be collected, and the attributes that say how."""

    id: str
    attributes: tuple[Attribute, ...] = ()
    passes_through: bool = False  # an agent's type whose undeclared details reach the agent as they are
    supported_platforms: tuple[str, ...] = ()

    @property
    def is_remote(self) -> bool:
        return self.id.startswith("remote.")

    @property
    def details(self) -> Details:
        return Details(self.attributes, Scalar() if self.passes_through else None)


_FORBIDDEN_HEADERS = "content-length|user-agent|host|connection|keep-alive|transfer-encoding|upgrade"

_REMOTE_HTTP = CheckType(
    id="remote.http",
    attributes=(
        Attribute("url", Url(8096), "Target URL", optional=False),
        Attribute("method", OneOf(("HEAD", "GET", "POST", "PUT", "DELETE", "INFO")), "HTTP method", default="GET"),
        Attribute("auth_user", Text(1, 255), "Auth user"),
        Attribute("auth_password", Text(1, 255), "Auth password", secret=True),
        Attribute("body", Expression(1, 255), "Body match regular expression (body is limited to 100k)"),
        Attribute(
            "body_matches",
            Hash(Text(1, 50, r"[-_ A-Za-z0-9]+"), Expression(1, 255), 4),
            "Body match regular expressions (body is limited to 100k, matches are truncated to 80 characters)",
        ),
        Attribute("follow_redirects", Boolean(), "Follow redirects (default: true)", default=True),
        Attribute("include_body", Boolean(), "Include the body in the metrics", default=False),
        Attribute(
            "headers",
            Hash(
                Text(
                    1,
                    50,
                    rf"(?i:(?!(?:{_FORBIDDEN_HEADERS})\Z)[!#$%&'*+.^_`|~0-9A-Za-z-]+)",
                    "a header name other than " + _FORBIDDEN_HEADERS.replace("|", ", "),
                ),
                Text(1, 50, r"[\t\x20-\x7e\x80-\xff]+", "a header value between 1 and 50 characters long"),
                10,
            ),
            "Arbitrary headers which are sent with the request",
        ),
        Attribute("payload", Text(1, 1024), "Request body (limited to 1024 characters)"),
    ),
)

_AGENT_TYPES = (
    "apache", "cpu", "disk", "filesystem", "filesystem_state", "load_average", "memory", "mysql", "network",
    "mssql_database", "mssql_buffer_manager", "mssql_sql_statistics", "mssql_plan_cache", "mssql_memory_manager",
    "mssql_version", "plugin", "redis", "windows_perfos",
)  # fmt: skip

_WITHOUT_DETAILS = frozenset({"load_average", "memory"})

CHECK_TYPES: dict[str, CheckType] = {
    check_type.id: check_type
    for check_type in (
        _REMOTE_HTTP,
        *(
            CheckType(id=f"agent.{name}", passes_through=name not in {"memory", "load_average"})
            for name in _AGENT_TYPES
        ),
    )
}
