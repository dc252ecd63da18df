"""Rows of the reference's attribute tables, as values that fit and values that do not."""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    """One attribute: each of `fits` is taken and comes back as itself, or as what `comes_back` says."""

    name: str
    fits: list[Any]
    refused: list[Any]
    optional: bool = True
    comes_back: list[Any] | None = None

    @property
    def kept(self) -> list[tuple[Any, Any]]:
        return list(zip(self.fits, self.comes_back or self.fits, strict=True))

    def required(self) -> Row:
        return self._replace(optional=False)


def text(name: str, low: int, high: int) -> Row:
    """String between `low` and `high` characters long."""
    return Row(name, ["x" * low, "y" * high, "é" * high], ["x" * (high + 1), 7, True, ["x"], {}, "", "x\0"])


def expression(name: str) -> Row:
    """A regular expression between 1 and 255 characters long."""
    row = text(name, 1, 255)
    return row._replace(fits=[*row.fits, "^2[0-9]+ (ready|ok)$"])


def port(name: str = "port") -> Row:
    """Whole number, perhaps zero padded, between 1 and 65535 inclusive."""
    refused = [0, -1, 65536, 80.5, "eighty", "", True, [80], "0x50", "8 0"]
    return Row(name, [1, 65535, "443", "00080", 22.0], refused, comes_back=[1, 65535, 443, 80, 22])


def boolean(name: str) -> Row:
    comes_back = [True, False, True, False, True]
    return Row(name, [True, False, "true", "false", "True"], [1, 0, "yes", "", [], 2.5], comes_back=comes_back)


def host(name: str) -> Row:
    """Valid hostname, IPv4 or IPv6 address."""
    fits = ["db1", "db1.example.org", "192.0.2.7", "2001:db8::7", "::1", "localhost"]
    refused = ["", "a b", "-db", "db_1/", "http://db1", "192.0.2.300", "db1:3306", "x" * 64, 7, ["db1"], "fe80::1%eth0"]
    return Row(name, fits, refused)


def integer(name: str) -> Row:
    return Row(name, [1, 5000, "5000"], ["soon", 1.5, True, "", [1], {}], comes_back=[1, 5000, 5000])


def url(name: str, most: int) -> Row:
    base = "http://example.org/"
    fits = [base, "https://192.0.2.1:8443/a?b=c#d", "http://[2001:db8::1]/", base + "x" * (most - len(base))]
    refused = [
        "", "example.org", "ftp://example.org/", "http://", "http:///a", "http://a b/", "http://example.org:0/",
        "http://example.org:65536/", base + "x" * (most - len(base) + 1), 7, ["http://example.org/"],
    ]  # fmt: skip
    return Row(name, fits, refused)
