"""From criteria text to tokens, one at a time, so that the first mistake in the text is the one told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vedette.criteria.errors import CriteriaError
from vedette.criteria.numerals import parse_number


class TokenKind(StrEnum):
    """The sorts of tokens; a symbol is any other character, so that the parser says what it expected."""

    WORD = "word"
    NUMBER = "number"
    STRING = "string"
    SETTING = ":set"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text, where it begins, and its value: a string's text, a number, else None."""

    kind: TokenKind
    text: str
    position: int
    value: str | int | float | None = None


_blank = re.compile(r"(?:\s++|#[^\r\n]*+)++")
_comment = re.compile(r"/\*.*?\*/", re.DOTALL)
_word = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_number = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?", re.ASCII)
_after_number = re.compile(r"[A-Za-z0-9_.]++")
_setting = re.compile(r":set(?![A-Za-z0-9_])")
_pairs = frozenset({"==", "!=", ">=", "<=", "&&", "||", "//"})
_plain_text = {'"': re.compile(r'[^"\\]++'), "'": re.compile(r"[^'\\]++")}
_surrogate = re.compile("[\ud800-\udfff]")
_hex4 = re.compile(r"[0-9A-Fa-f]{4}")
_low_surrogate = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")

_escapes = {'"': '"', "'": "'", "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_escapes_told = r"""\" \' \\ \b \f \n \r \t \uXXXX"""


def tokens(text: str) -> Iterator[Token]:
    """All tokens of the text, the last of kind END. Raises CriteriaError. Linear in the text."""
    _refuse_surrogates(text)
    position = _skip_blank(text, 0)
    while position < len(text):
        token = _token_at(text, position)
        yield token
        position = _skip_blank(text, position + len(token.text))
    yield Token(TokenKind.END, "", len(text))


def _refuse_surrogates(text: str) -> None:
    # Half a surrogate pair has no UTF-8: RE2, the stores and every answer would fail on it later.
    if found := _surrogate.search(text):
        message = "Expected characters, found half of a surrogate pair"
        raise CriteriaError(text, found.start(), "", message)


def _skip_blank(text: str, position: int) -> int:
    while True:
        if found := _blank.match(text, position):
            position = found.end()
        if not text.startswith("/*", position):
            return position
        found = _comment.match(text, position)
        if found is None:
            raise CriteriaError(text, position, "/*", 'Expected "*/" to end the comment')
        position = found.end()


def _token_at(text: str, position: int) -> Token:
    if text[position] in _plain_text:
        return _string_at(text, position)
    if found := _word.match(text, position):
        return Token(TokenKind.WORD, found[0], position)
    if found := _number.match(text, position):
        return _number_token(text, found)
    if found := _setting.match(text, position):
        return Token(TokenKind.SETTING, found[0], position)
    pair = text[position : position + 2]
    return Token(TokenKind.SYMBOL, pair if pair in _pairs else pair[0], position)


def _number_token(text: str, found: re.Match[str]) -> Token:
    if rest := _after_number.match(text, found.end()):
        message = f'Expected the number to end after "{found[0][:40]}"'
        raise CriteriaError(text, rest.start(), rest[0], message)
    return Token(TokenKind.NUMBER, found[0], found.start(), parse_number(found[0]))


def _string_at(text: str, start: int) -> Token:
    quote = text[start]
    plain = _plain_text[quote]
    pieces: list[str] = []
    position = start + 1
    while position < len(text):
        if found := plain.match(text, position):
            pieces.append(found[0])
            position = found.end()
        elif text[position] == quote:
            source = text[start : position + 1]
            return Token(TokenKind.STRING, source, start, "".join(pieces))
        else:
            piece, position = _escape_at(text, position)
            pieces.append(piece)
    raise CriteriaError(text, start, text[start:], f"Expected {quote} to end the string")


def _escape_at(text: str, position: int) -> tuple[str, int]:
    letter = text[position + 1 : position + 2]
    if letter in _escapes:
        return _escapes[letter], position + 2
    if letter == "u" and _hex4.match(text, position + 2):
        return _code_point_at(text, position)
    message = f"Expected one of the escapes {_escapes_told}"
    raise CriteriaError(text, position, text[position : position + 2], message)


def _code_point_at(text: str, position: int) -> tuple[str, int]:
    after = position + 6
    unit = int(text[position + 2 : after], 16)
    if not 0xD800 <= unit <= 0xDFFF:
        return chr(unit), after
    low = _low_surrogate.match(text, after) if unit < 0xDC00 else None
    if low is None:
        message = "Expected a character, found half of a surrogate pair"
        raise CriteriaError(text, position, text[position:after], message)
    return chr(0x10000 + ((unit - 0xD800) << 10) + int(low[1], 16) - 0xDC00), low.end()
